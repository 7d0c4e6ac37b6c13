import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ERRORS } from '../../lib/errors.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const line = (status: unknown, error: unknown, retryable: unknown) => `${String(status)} ${String(error)} ${String(retryable)}`;
const inCode = Object.values(ERRORS).map(({ status, error, retryable }) => line(status, error, retryable));

test('docs/errors.md lists the catalogue, all of it and nothing else', () => {
  const rows = readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8').matchAll(/^\| (\d{3}) \| `(\w+)` \| (true|false) \|/gm);
  const inDocs = [...rows].map(([, status, error, retryable]) => line(status, error, retryable));
  expect(inDocs.toSorted()).toEqual(inCode.toSorted());
});

test('no two entries look the same to a client', () => {
  expect(new Set(inCode).size).toBe(inCode.length);
});

test('every entry is used somewhere', () => {
  const sources = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && name !== 'errors.ts');
  const code = sources.map((name) => readFileSync(join(ROOT, 'lib', name), 'utf8')).join('\n');
  const used = [...code.matchAll(/new BrokerError\(([^,]*),/g)].flatMap(([, first = '']) => [...first.matchAll(/'(\w+)'/g)].map(([, name]) => name));
  expect(Object.keys(ERRORS).filter((name) => !used.includes(name))).toEqual([]);
});
