import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { HISTORY_TABLES, HISTORY_TABLE_NAMES, historyColumns } from '../../lib/core/history-tables.ts';

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'history.md'), 'utf8');
const named = (cell = ''): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name);

test('docs/history.md says of every table what it is made of and which fields it has, and of no others', () => {
  const [, section = ''] = PAGE.split('\n## What is kept\n');
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  const documented = rows.map((row) => row.split('|').slice(1, -1)).map(([table, event, fields]) => [named(table)[0], named(event)[0], named(fields)]);
  expect(documented).toEqual(HISTORY_TABLE_NAMES.map((table) => [table, HISTORY_TABLES[table], historyColumns(table).map(({ name }) => name)]));
});
