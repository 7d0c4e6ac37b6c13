import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');
const [PROMISES = '', NOT_OURS = ''] = readFileSync(join(ROOT, 'docs', 'reliability.md'), 'utf8').split('## Not ours');
/** The project's list of scenarios has so many faults, and so many traps. */
const SCENARIOS = [...numbers('F', 80), ...numbers('T', 35)];

function numbers(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
}

/** The cells of each row of each table, without its head. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('|---') && !line.startsWith('| no. |'));
  return lines.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

const listIn = (cell: string | undefined): string[] => (cell ?? '').split(',').map((item) => item.trim());
const numbersIn = (rows: readonly (readonly string[])[]): string[] => rows.flatMap(([first]) => listIn(first)).filter((number) => number !== '–');

describe('docs/reliability.md', () => {
  const promises = rowsOf(PROMISES);
  const reasons = rowsOf(NOT_OURS);

  test('has a number or a dash, a scenario, a promise and a test in each row', () => {
    expect(promises.length).toBeGreaterThan(100);
    for (const row of promises) {
      expect(row).toHaveLength(4);
      expect(row.every((cell) => cell !== '')).toBe(true);
      expect(row[0]).toMatch(/^(?:–|[FT]\d+(?:, [FT]\d+)*)$/);
    }
  });

  test('names tests that exist', () => {
    const named = promises.flatMap((row) => listIn(row[3]));
    expect(named.length).toBeGreaterThan(150);
    expect(named.filter((name) => !isThere(name))).toEqual([]);
  });

  test('says of each scenario on the list what is promised, or why nothing is', () => {
    const said = new Set([...numbersIn(promises), ...numbersIn(reasons)]);
    expect(SCENARIOS.filter((number) => !said.has(number))).toEqual([]);
    expect([...said].filter((number) => !SCENARIOS.includes(number))).toEqual([]);
  });

  test('gives a reason for each that is not ours', () => {
    expect(reasons.length).toBeGreaterThan(0);
    for (const row of reasons) expect(row.map((cell) => cell !== '')).toEqual([true, true, true]);
  });
});

function isThere(name: string): boolean {
  if (name.startsWith('tools/')) return existsSync(join(ROOT, `${name}.js`));
  const folder = name.startsWith('unit/') ? 'test' : 'test/integration';
  return existsSync(join(ROOT, folder, `${name}.test.ts`));
}
