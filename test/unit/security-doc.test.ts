import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8');

test('every threat in docs/security.md names tests that exist', () => {
  const [, table = ''] = PAGE.split('| who | wants |');
  const named = table.split('\n').slice(2).filter((line) => line.startsWith('|')).flatMap((row) => row.split('|').at(-2)?.split(',') ?? []).map((name) => name.trim());
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !isThere(name))).toEqual([]);
});

function isThere(name: string): boolean {
  const path = /^u(?:nit|i)\//.test(name) ? join(ROOT, 'test', name) : join(ROOT, 'test', 'integration', name);
  return existsSync(`${path}.test.ts`);
}
