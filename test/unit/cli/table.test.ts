import { describe, expect, test } from '@jest/globals';
import { table } from '../../../lib/cli/table.ts';

const COLUMNS = [{ heading: 'NAME' }, { heading: 'MiB', align: 'right' }, { heading: 'NOTE', optional: true }] as const;
const ROWS = [
  [{ text: 'a' }, { text: '12345' }, { text: 'x' }],
  [{ text: 'longer' }, { text: '1' }, { text: '' }],
];

describe('a table', () => {
  test('has columns as wide as their widest cell and no spaces at the end', () => {
    expect(table(COLUMNS, ROWS, null)).toEqual(['NAME      MiB  NOTE', 'a       12345  x', 'longer      1']);
  });

  test('leaves out optional columns on a narrow terminal, but no others', () => {
    expect(table(COLUMNS, ROWS, 18)).toEqual(['NAME      MiB', 'a       12345', 'longer      1']);
    expect(table(COLUMNS, ROWS, 5)).toEqual(['NAME      MiB', 'a       12345', 'longer      1']);
  });

  test('leaves them out in the order that they say, and then from the last', () => {
    const columns = [{ heading: 'A', optional: 2 }, { heading: 'B' }, { heading: 'C', optional: 1 }, { heading: 'D', optional: true }, { heading: 'E', optional: true }];
    const heads = [13, 12, 9, 6, 3].map((width) => table(columns, [], width)[0]);
    expect(heads).toEqual(['A  B  C  D  E', 'A  B  D  E', 'B  D  E', 'B  D', 'B']);
  });

  test('counts no colour codes', () => {
    const [, row] = table([{ heading: 'A' }, { heading: 'B' }], [[{ text: 'x', paint: (text) => `\u001b[31m${text}\u001b[39m` }, { text: 'y' }]], 4);
    expect(row).toBe('\u001b[31mx\u001b[39m  y');
  });
});
