import type { HistoryColumn, HistoryTable, HistoryValue } from './history-tables.ts';

/** One entry, as it is kept. */
export interface HistoryRow {
  readonly id: number;
  /** ms since 1970. */
  readonly at: number;
  /** In the order of the columns. */
  readonly values: readonly HistoryValue[];
}

/** What a query finds, the newest first. */
export interface HistoryRows {
  readonly what: HistoryTable;
  readonly columns: readonly HistoryColumn[];
  readonly rows: readonly HistoryRow[];
  /** For the next page; null: this is the last. */
  readonly next: number | null;
}

const SCHEMA_VERSION = 1;
/** What a spreadsheet takes for the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;

/** The rows as the body of an answer in JSON. */
export function historyJson({ what, columns, rows, next }: HistoryRows): string {
  const shown = rows.map(({ id, at, values }) => {
    const members = columns.map(({ name, holds }, index) => [name, shownValue(values[index] ?? null, holds)] as const);
    return { id, time: timeOf(at), ...Object.fromEntries(members) };
  });
  return JSON.stringify({ schema_version: SCHEMA_VERSION, what, rows: shown, next });
}

function shownValue(value: HistoryValue, holds: HistoryColumn['holds']): unknown {
  return holds === 'object' && typeof value === 'string' ? JSON.parse(value) : value;
}

/** The rows as a table: RFC 4180, with a row of names. What is not known is empty. */
export function historyCsv({ columns, rows }: Pick<HistoryRows, 'columns' | 'rows'>): string {
  const head = ['id', 'time', ...columns.map(({ name }) => name)];
  const lines = rows.map(({ id, at, values }) => [id, timeOf(at), ...values].map(csvCell).join(','));
  return [head.join(','), ...lines, ''].join('\r\n');
}

/** One cell. A text that a spreadsheet would compute begins with an apostrophe instead. */
export function csvCell(value: HistoryValue): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
