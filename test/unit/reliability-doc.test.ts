import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');

test('every promise in docs/reliability.md names a test that exists', () => {
  const rows = readFileSync(join(ROOT, 'docs', 'reliability.md'), 'utf8').split('\n').filter((line) => /^\|(?!---)/.test(line));
  const named = rows.flatMap((row) => row.split('|').at(-2)?.split(',') ?? []).map((name) => name.trim()).filter((name) => name !== 'test');
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => !isThere(name))).toEqual([]);
});

function isThere(name: string): boolean {
  const path = name.startsWith('unit/') ? join(ROOT, 'test', name) : join(ROOT, 'test', 'integration', name);
  return existsSync(path) || existsSync(`${path}.test.ts`);
}
