import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { load } from 'js-yaml';
import * as source from '../../../lib/config/validators.ts';

const BUILT = new URL('../../../dist/lib/config/validators.js', import.meta.url);
const EXAMPLE: unknown = load(readFileSync(new URL('../../../config/consumers.yaml', import.meta.url), 'utf8'));
const KEYS = [{ name: 'phone', sha256: 'a'.repeat(64), scopes: ['infer'] }];

type Check = typeof source.validateFile | typeof source.validateKeys;

/** All places in a value: the members on the way to each. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (value === null || typeof value !== 'object') return [path];
  return [path, ...Object.entries(value).flatMap(([name, member]) => placesIn(member, [...path, name]))];
}

/** A copy with something else in one place. */
function changed(value: unknown, [name, ...rest]: readonly string[], to: unknown): unknown {
  if (name === undefined || value === null || typeof value !== 'object') return to;
  const copy = Array.isArray(value) ? value.slice() : { ...value };
  return Object.assign(copy, { [name]: changed(Reflect.get(value, name), rest, to) });
}

/** What a check says, and what it makes of the value. */
function verdict(check: Check, value: unknown): unknown {
  const copy = structuredClone(value);
  return { isGood: check(copy), errors: check.errors, copy };
}

const anything = fc.constantFrom<unknown>(null, 0, -1, 1.5, '', 'x', '5s', '5 s', '64KiB', 'é'.repeat(300), [], ['x', 'x'], {}, { 'odd name': 1 }, true);

// `npm test` builds first.
(existsSync(BUILT) ? test : test.skip)('the functions in the build say of every value what ajv says here', async () => {
  const built: typeof source = await import(BUILT.href);
  for (const [name, example] of [['validateFile', EXAMPLE], ['validateKeys', KEYS]] as const) {
    expect(verdict(built[name], example)).toMatchObject({ isGood: true });
    fc.assert(
      fc.property(fc.constantFrom(...placesIn(example)), anything, (place, to) => {
        const value = changed(example, place, to);
        expect(verdict(built[name], value)).toEqual(verdict(source[name], value));
      }),
      { numRuns: 300 },
    );
  }
});
