import { describe, expect, test } from '@jest/globals';
import { csvCell, historyCsv, historyJson } from '../../../lib/core/history-page.ts';
import type { HistoryRows } from '../../../lib/core/history-page.ts';
import { historyColumns, historyTableOf, historyValues, minuteOf } from '../../../lib/core/history-tables.ts';

const FOUND: HistoryRows = {
  what: 'vram',
  columns: [
    { name: 'used_mib', holds: 'number' },
    { name: 'consumers', holds: 'object' },
    { name: 'error', holds: 'text' },
  ],
  rows: [
    { id: 2, at: Date.UTC(2026, 1, 3, 4, 5, 6, 7), values: [512.5, '{"a":512}', null] },
    { id: 1, at: Date.UTC(2026, 1, 3), values: [null, null, 'no card, says "it"'] },
  ],
  next: 1,
};

test('JSON has what is known as it is, and null for what is not', () => {
  expect(JSON.parse(historyJson(FOUND))).toEqual({
    schema_version: 1,
    what: 'vram',
    rows: [
      { id: 2, time: '2026-02-03T04:05:06.007Z', used_mib: 512.5, consumers: { a: 512 }, error: null },
      { id: 1, time: '2026-02-03T00:00:00.000Z', used_mib: null, consumers: null, error: 'no card, says "it"' },
    ],
    next: 1,
  });
});

test('CSV has a row of names, and quotes what has to be', () => {
  const lines = ['id,time,used_mib,consumers,error', '2,2026-02-03T04:05:06.007Z,512.5,"{""a"":512}",', '1,2026-02-03T00:00:00.000Z,,,"no card, says ""it"""'];
  expect(historyCsv(FOUND)).toBe(`${lines.join('\r\n')}\r\n`);
});

describe('a cell of CSV', () => {
  test.each([
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['+1', `'+1`],
    ['-1', `'-1`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['\tx', `'\tx`],
    ['\r=1', `"'\r=1"`],
    ['a=1', 'a=1'],
    ['two\nlines', '"two\nlines"'],
    ['', ''],
  ])('%j is %j, which no spreadsheet computes', (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });

  test('may be a number below zero', () => {
    expect([csvCell(-1), csvCell(0), csvCell(null)]).toEqual(['-1', '0', '']);
  });
});

describe('what is kept of an event', () => {
  const event = { type: 'health', consumer: 'a', from: 'healthy', to: 'unhealthy', reason: 'x'.repeat(2000), id: 7, time: '2026-02-03T04:05:06.007Z' } as const;
  test('are its fields in the order of the columns, long texts cut', () => {
    expect(historyTableOf(event)).toBe('health');
    expect(historyValues(event, historyColumns('health'))).toEqual(['a', 'healthy', 'unhealthy', 'x'.repeat(1000)]);
  });
  test('are numbers and texts as they are, null for what is not known, and JSON for what has parts', () => {
    const sample = { type: 'sample', total_mib: 10, used_mib: 0, free_mib: null, consumers: { a: 2 }, foreign_mib: null, error: null, id: 8, time: event.time } as const;
    expect(historyValues(sample, historyColumns('vram'))).toEqual([10, 0, null, '{"a":2}', null, null]);
    expect(historyValues(event, [{ name: 'nowhere', holds: 'text' }])).toEqual([null]);
  });
  test('of which one a minute is kept, is told apart by its minute', () => {
    expect([minuteOf(event), minuteOf({ time: '2026-02-03T04:06:00.000Z' })]).toEqual(['2026-02-03T04:05', '2026-02-03T04:06']);
  });
  test('is nothing where there is no table for it', () => {
    expect(historyTableOf({ type: 'request_waiting' })).toBeNull();
  });
});
