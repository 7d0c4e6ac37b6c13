import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { parseConfig } from '../../../lib/config/load.ts';
import { formatProblem } from '../../../lib/config/problem.ts';
import { anyCharacter } from '../../support/any-character.ts';

const SHIPPED = readFileSync('config/consumers.yaml', 'utf8');
const SNIPPETS = ['${X}', '${', '*a', '&a', '!!map', '- ', ': ', '{', '}', '[', ']', '"', "'", '\n', '\t', '\0', '~', '.nan', '__proto__: ', '---\n', '|', '#', '\ufeff', '\ud800'];

/** Either a configuration, or problems that can be printed on one line each; anything else fails. */
function judge(text: string): void {
  const result = parseConfig(text, 'c.yaml', { X: 'x' });
  if (result.ok) return;
  expect(result.problems.length).toBeGreaterThan(0);
  for (const problem of result.problems) {
    expect(formatProblem(problem)).not.toContain('\n');
    expect(problem.message).toMatch(/^expected .*, got /);
    expect(problem.line).toBeLessThanOrEqual(text.split(/\r\n|\r|\n/).length);
  }
}

describe('whatever a file holds, parseConfig answers and never throws', () => {
  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: anyCharacter, maxLength: 200 }), judge), { numRuns: 500 });
  });

  test('any JSON', () => {
    fc.assert(fc.property(fc.json(), judge), { numRuns: 300 });
  });

  test('the shipped file with parts cut out and others put in', () => {
    const edit = fc.record({ at: fc.nat(SHIPPED.length), cut: fc.nat(30), put: fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ maxLength: 5 })) });
    const edited = fc.array(edit, { minLength: 1, maxLength: 4 });
    const apply = (text: string, { at, cut, put }: { at: number; cut: number; put: string }) => text.slice(0, at) + put + text.slice(at + cut);
    fc.assert(fc.property(edited, (edits) => judge(edits.reduce(apply, SHIPPED))), { numRuns: 300 });
  });

  test('any value at any setting', () => {
    const settings = ['listen', 'access', 'gpu', 'health', 'queue', 'timeouts', 'limits', 'eviction', 'log', 'shutdown_grace', 'routing', 'audio_proxy', 'consumers'];
    const file = fc.dictionary(fc.constantFrom(...settings), fc.jsonValue());
    fc.assert(fc.property(file, (value) => judge(JSON.stringify(value))), { numRuns: 300 });
  });

  test('any settings of a consumer', () => {
    const keys = ['url', 'health', 'paths', 'vram_resident_mib', 'vram_managed', 'load', 'unload', 'systemd_unit', 'busy', 'can_coexist_with', 'priority', 'timeouts'];
    const consumer = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue());
    fc.assert(fc.property(consumer, (value) => judge(JSON.stringify({ consumers: { a: value } }))), { numRuns: 300 });
  });
});
