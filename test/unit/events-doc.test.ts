import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { EVENT_FIELDS, EVENT_TYPES, isEventType } from '../../lib/core/event-types.ts';

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'events.md'), 'utf8');

/** The rows of the table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const [, rest = ''] = PAGE.split(`\n## ${heading}\n`);
  const lines = (rest.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

const named = (cell = ''): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name);

describe('docs/events.md has', () => {
  test('every type with its fields, and no others', () => {
    const documented = Object.fromEntries(rowsUnder('Types').map(([type, , fields]) => [named(type)[0], named(fields)]));
    expect(documented).toEqual(Object.fromEntries(Object.entries(EVENT_FIELDS).map(([type, fields]) => [type, Object.keys(fields)])));
  });

  test('every field with what it holds, and no others', () => {
    const documented = Object.fromEntries(rowsUnder('Fields').map(([field, word]) => [named(field)[0], word]));
    expect(documented).toEqual(Object.assign({}, ...Object.values(EVENT_FIELDS)));
  });
});

test('a type of event is one of the list, and nothing else that an object has', () => {
  expect(EVENT_TYPES.every(isEventType)).toBe(true);
  expect(['', 'Sample', 'toString', 'snapshot'].some(isEventType)).toBe(false);
});
