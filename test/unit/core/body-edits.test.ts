import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formSplices, jsonSplices, splicedLength } from '../../../lib/core/body-edits.ts';
import type { BodyChanges } from '../../../lib/core/body-edits.ts';
import { FormScanner, boundaryIn } from '../../../lib/core/form-scan.ts';
import type { WholeFormScan } from '../../../lib/core/form-scan.ts';
import { JsonScanner } from '../../../lib/core/json-scan.ts';
import type { JsonObjectScan } from '../../../lib/core/json-scan.ts';
import { anyCharacter } from '../../support/any-character.ts';
import { cases } from '../../support/cases.ts';
import { anyForm, writtenForm } from '../../support/forms.ts';
import { anyChoices, anyMembers, jsonText, scanned, spliced } from '../../support/scanned.ts';

const NO_CHANGES: BodyChanges = { rename: null, strip: [], set: {} };
const anyNameOfOurs = fc.constantFrom('model', 'stream', 'a', '__proto__', '', 'file', 'timestamp_granularities[]', '"quoted" \\\\ \r\n\\');
const anyChanges: fc.Arbitrary<BodyChanges> = fc.record({
  rename: fc.option(fc.string({ unit: anyCharacter })),
  strip: fc.array(anyNameOfOurs, { maxLength: 4 }),
  set: fc.array(fc.tuple(anyNameOfOurs, fc.jsonValue()), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
});

/** What should come out: names and values in order. */
function changed(items: readonly (readonly [string, string])[], { rename, strip, set }: BodyChanges) {
  const values = new Map<string, unknown>(Object.entries(set));
  if (rename !== null) values.set('model', rename);
  const taken = new Set<string>();
  const staying = items.filter(([name]) => (values.has(name) ? !taken.has(name) && taken.add(name) : !strip.includes(name)));
  return {
    staying: staying.map(([name, value]) => ({ name, value: values.has(name) ? values.get(name) : value, isSet: values.has(name) })),
    added: [...values].filter(([name]) => !taken.has(name)),
  };
}

function jsonScanOf(body: Buffer): JsonObjectScan {
  const scan = scanned(new JsonScanner(), body);
  if (scan.type === 'fault') throw new Error(scan.message);
  return scan;
}

function formScanOf(body: Buffer, boundary: string): WholeFormScan {
  const scan = scanned(new FormScanner(boundary), body);
  if (scan.type === 'fault') throw new Error(scan.message);
  return scan;
}

describe('a JSON body', () => {
  const edit = (text: string, changes: Partial<BodyChanges>): string => {
    const body = Buffer.from(text);
    return spliced(body, jsonSplices(jsonScanOf(body), { ...NO_CHANGES, ...changes })).toString();
  };

  test('of any members has the wanted ones after any changes, in order, and the others byte for byte', () => {
    fc.assert(
      fc.property(anyMembers, anyChoices, anyChanges, (pairs, choices, changes) => {
        const body = Buffer.from(jsonText(pairs, choices));
        const scan = jsonScanOf(body);
        const splices = jsonSplices(scan, changes);
        const result = spliced(body, splices);
        expect(splicedLength(body.length, splices)).toBe(result.length);
        const raw = scan.members.map(({ name, start, valueEnd }) => [name, body.subarray(start, valueEnd).toString()] as const);
        const { staying, added } = changed(raw, changes);
        const after = jsonScanOf(result).members;
        expect(after.map(({ name }) => name)).toEqual([...added.map(([name]) => name), ...staying.map(({ name }) => name)]);
        const values = after.map(({ text }) => JSON.stringify(JSON.parse(text ?? '')));
        expect(values.slice(0, added.length)).toEqual(added.map(([, value]) => JSON.stringify(value)));
        for (const [index, { start, valueEnd }] of after.slice(added.length).entries()) {
          const { value, isSet } = staying[index] ?? {};
          if (isSet === true) expect(values[added.length + index]).toBe(JSON.stringify(value));
          else expect(result.subarray(start, valueEnd).toString()).toBe(value);
        }
        expect(() => JSON.parse(result.toString())).not.toThrow();
      }),
      { numRuns: cases(500) },
    );
  });

  test.each<[string, Partial<BodyChanges>, string]>([
    ['{"model":"a"}', {}, '{"model":"a"}'],
    ['{ "model" : "a" , "x" : 1 }', { rename: 'b' }, '{ "model" : "b" , "x" : 1 }'],
    ['{ "x": 1 }', { rename: 'b' }, '{"model":"b", "x": 1 }'],
    [' { } ', { rename: 'b' }, ' {"model":"b" } '],
    ['{"a":1, "b":2, "c":3}', { strip: ['a'] }, '{"b":2, "c":3}'],
    ['{"a":1, "b":2, "c":3}', { strip: ['b'] }, '{"a":1, "c":3}'],
    ['{"a":1, "b":2, "c":3 }', { strip: ['c'] }, '{"a":1, "b":2 }'],
    ['{"a":1, "b":2, "c":3}', { strip: ['a', 'b'] }, '{"c":3}'],
    ['{"a":1, "b":2, "c":3}', { strip: ['a', 'c'] }, '{"b":2}'],
    ['{"a":1, "b":2, "c":3}', { strip: ['b', 'c'] }, '{"a":1}'],
    ['{ "a":1, "b":2, "c":3 }', { strip: ['a', 'b', 'c'] }, '{  }'],
    ['{"a":1,"b":2,"a":3,"c":4,"a":5}', { strip: ['a'] }, '{"b":2,"c":4}'],
    ['{"a":1,"b":2,"a":3}', { set: { a: [null] } }, '{"a":[null],"b":2}'],
    ['{"a":1}', { set: { b: 'é', c: { d: true } } }, '{"b":"é","c":{"d":true},"a":1}'],
    ['{"a":1}', { strip: ['a'], set: { b: 2 } }, '{"b":2}'],
    ['{"a":1,"b":2}', { strip: ['a', 'b'], set: { a: 3 } }, '{"a":3}'],
    ['{"a":1}', { strip: ['none'] }, '{"a":1}'],
    ['{"\\u0061":1,"x":{"a":1}}', { strip: ['a'] }, '{"x":{"a":1}}'],
  ])('%s, %j: %s', (text, changes, expected) => {
    expect(edit(text, changes)).toBe(expected);
  });
});

describe('a form', () => {
  /** As Node writes it, with this boundary. A file is its name. */
  const written = async (entries: readonly (readonly [string, string])[], wanted?: string) => {
    const form = new FormData();
    for (const [name, value] of entries) {
      if (value.endsWith('.wav')) form.append(name, new Blob(['sound']), value);
      else form.append(name, value);
    }
    const answer = new Response(form);
    const boundary = boundaryIn(answer.headers.get('content-type') ?? '') ?? '';
    const text = await answer.text();
    return { boundary, body: Buffer.from(text.replaceAll(boundary, wanted ?? boundary)) };
  };
  const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

  test('of any parts has the wanted ones after any changes, in order, and the others byte for byte', () => {
    fc.assert(
      fc.property(anyForm, anyChanges, (wanted, changes) => {
        const { boundary, body } = writtenForm(wanted);
        fc.pre(![changes.rename, ...Object.values(changes.set)].some((value) => `\r\n${asText(value)}\r\n--`.includes(`\r\n--${boundary}`)));
        const scan = formScanOf(body, boundary);
        const splices = formSplices(scan, boundary, changes);
        const result = spliced(body, splices);
        expect(splicedLength(body.length, splices)).toBe(result.length);
        const raw = scan.parts.map((part, at) => {
          return [part.name, body.subarray(part.start, scan.parts[at + 1]?.start ?? scan.close).toString('latin1')] as const;
        });
        const { staying, added } = changed(raw, changes);
        const after = formScanOf(result, boundary);
        expect(after.parts.map(({ name }) => name)).toEqual([...staying.map(({ name }) => name), ...added.map(([name]) => name)]);
        for (const [index, part] of after.parts.entries()) {
          const set = staying[index] ?? { isSet: true, value: added[index - staying.length]?.[1] };
          const end = after.parts[index + 1]?.start ?? after.close;
          if (set.isSet) expect([part.fileName, result.subarray(part.valueStart, part.valueEnd).toString()]).toEqual([null, asText(set.value)]);
          else expect(result.subarray(part.start, end).toString('latin1')).toBe(set.value);
        }
        expect(result.subarray(after.close).equals(body.subarray(scan.close))).toBe(true);
        const preamble = body.subarray(0, scan.parts[0]?.start ?? scan.close);
        expect(result.subarray(0, after.parts[0]?.start ?? after.close).equals(preamble)).toBe(true);
      }),
      { numRuns: cases(500) },
    );
  });

  const LIST = 'timestamp_granularities[]';
  const FIELDS = [['model', 'a'], [LIST, 'word'], [LIST, 'segment'], ['timestamp_granularities', 'x']] as const;
  test.each<[string, Partial<BodyChanges>, readonly (readonly [string, string])[]]>([
    ['the model is renamed in its place', { rename: 'ä b' }, [['model', 'ä b'], ...FIELDS.slice(1), ['file', 'f.wav']]],
    ['names are met exactly', { strip: [LIST] }, [['model', 'a'], ['timestamp_granularities', 'x'], ['file', 'f.wav']]],
    ['one of several takes the value', { set: { [LIST]: 'word' } }, [['model', 'a'], FIELDS[1], FIELDS[3], ['file', 'f.wav']]],
    [
      'numbers, words and lists are written as text',
      { set: { t: 0.5, s: false, n: null, l: [1] } },
      [...FIELDS, ['file', 'f.wav'], ['t', '0.5'], ['s', 'false'], ['n', 'null'], ['l', '[1]']],
    ],
    ['a file that is set is a field', { set: { file: 'text' } }, [...FIELDS, ['file', 'text']]],
    ['all may go', { strip: ['model', 'file', LIST, 'timestamp_granularities'], rename: 'b' }, [['model', 'b']]],
  ])('is as Node would have written it: %s', async (_what, changes, expected) => {
    const { boundary, body } = await written([...FIELDS, ['file', 'f.wav']]);
    const result = spliced(body, formSplices(formScanOf(body, boundary), boundary, { ...NO_CHANGES, ...changes }));
    expect(result.toString()).toBe((await written(expected, boundary)).body.toString());
  });

  test('keeps the other headers of a field that is set', () => {
    const field = (value: string) => Buffer.from(`--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain\r\n\r\n${value}\r\n--b--\r\n`);
    const result = spliced(field('old'), formSplices(formScanOf(field('old'), 'b'), 'b', { ...NO_CHANGES, set: { a: 'new' } }));
    expect(result.toString()).toBe(field('new').toString());
  });

  test('that stays as it is needs no splice', () => {
    const body = Buffer.from('--b--\r\n');
    expect(formSplices(formScanOf(body, 'b'), 'b', NO_CHANGES)).toEqual([]);
  });

  test('without a model gets one, also if it has no parts', async () => {
    const body = Buffer.from('--b--\r\n');
    const result = spliced(body, formSplices(formScanOf(body, 'b'), 'b', { ...NO_CHANGES, rename: 'm' }));
    expect(result.toString()).toBe((await written([['model', 'm']], 'b')).body.toString());
  });
});
