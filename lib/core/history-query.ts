import { HISTORY_TABLE_NAMES, historyColumns, isHistoryTable } from './history-tables.ts';
import type { HistoryTable, HistoryValue } from './history-tables.ts';
import { instantIn } from './instant.ts';

/** What somebody wants to know of the past. Times in ms since 1970. */
export interface HistoryQuery {
  readonly what: HistoryTable;
  /** From this moment on; null: from the beginning. */
  readonly sinceMs: number | null;
  /** Before this moment; null: until now. */
  readonly untilMs: number | null;
  /** Older than this entry; null: the newest. */
  readonly beforeId: number | null;
  readonly filters: readonly HistoryFilter[];
  readonly limit: number;
}

/** Only rows whose column is at least `from` and at most `to`; these are the same where it is one value. */
export interface HistoryFilter {
  readonly column: string;
  readonly from: HistoryValue;
  readonly to: HistoryValue;
}

/** A query, or a sentence that says which parameter is wrong and what it takes. */
export type ParsedQuery = { readonly ok: true; readonly query: HistoryQuery } | { readonly ok: false; readonly fault: string };

/** Parameters as the URL has them: a list is one that was said more than once. */
export type QueryParams = Readonly<Record<string, unknown>>;

const DEFAULT_LIMIT = 100;
const MOST_ROWS = 10_000;
/** Parameter and the column that it is about. */
const FILTERS: Readonly<Record<string, string>> = { consumer: 'consumer', kind: 'kind', code: 'error', status: 'status', client: 'client' };
const RANGE = ['since', 'until', 'before', 'limit', 'format'];
/** What `error` holds elsewhere is a sentence and no code. */
const WITH_CODES: readonly HistoryTable[] = ['exchanges'];

/** Thrown and caught in this file only. */
class QueryFault extends Error {}

/** Reads the parameters of `GET /v1/history`; `nowMs` is what durations count back from. `format` is left to the caller. */
export function parseHistoryQuery(params: QueryParams, nowMs: number): ParsedQuery {
  try {
    const what = whatIn(textIn(params, 'what'));
    const known = knownParams(what);
    const stranger = Object.keys(params).find((name) => name !== 'what' && !known.includes(name));
    if (stranger !== undefined) throw new QueryFault(`${JSON.stringify(stranger)} is no parameter of ${what}; there are what, ${known.join(', ')}`);
    return { ok: true, query: { what, ...rangeIn(params, nowMs), filters: filtersIn(params), limit: wholeIn(params, 'limit', MOST_ROWS) ?? DEFAULT_LIMIT } };
  } catch (error) {
    if (!(error instanceof QueryFault)) throw error;
    return { ok: false, fault: error.message };
  }
}

function whatIn(text: string | null): HistoryTable {
  const what = text ?? 'exchanges';
  if (!isHistoryTable(what)) throw new QueryFault(`what: ${JSON.stringify(what)} is not kept; there are ${HISTORY_TABLE_NAMES.join(', ')}`);
  return what;
}

function knownParams(what: HistoryTable): string[] {
  const columns = new Set(historyColumns(what).map(({ name }) => name));
  const filters = Object.entries(FILTERS).filter(([name, column]) => columns.has(column) && (name !== 'code' || WITH_CODES.includes(what)));
  return [...filters.map(([name]) => name), ...RANGE];
}

function rangeIn(params: QueryParams, nowMs: number): Pick<HistoryQuery, 'sinceMs' | 'untilMs' | 'beforeId'> {
  return { sinceMs: momentIn(params, 'since', nowMs), untilMs: momentIn(params, 'until', nowMs), beforeId: wholeIn(params, 'before', Number.MAX_SAFE_INTEGER) };
}

function momentIn(params: QueryParams, name: string, nowMs: number): number | null {
  const text = textIn(params, name);
  if (text === null) return null;
  const instant = instantIn(text, nowMs);
  if (instant === null) throw new QueryFault(`${name}: expected a time such as 2026-01-31T12:00:00Z, or how long ago such as 2h or 7d, got ${JSON.stringify(text)}`);
  return instant;
}

function wholeIn(params: QueryParams, name: string, most: number): number | null {
  const text = textIn(params, name);
  if (text === null) return null;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw new QueryFault(`${name}: expected a whole number from 1 to ${most}, got ${JSON.stringify(text)}`);
  return number;
}

function filtersIn(params: QueryParams): HistoryFilter[] {
  return Object.entries(FILTERS).flatMap(([name, column]) => {
    const text = textIn(params, name);
    if (text === null) return [];
    return [name === 'status' ? { column, ...statusesIn(text) } : { column, from: text, to: text }];
  });
}

function statusesIn(text: string): { readonly from: number; readonly to: number } {
  const [, first = '', rest = ''] = /^([1-5])(\d\d|xx)$/.exec(text) ?? [];
  if (first === '') throw new QueryFault(`status: expected a status such as 503, or a class of them such as 5xx, got ${JSON.stringify(text)}`);
  return rest === 'xx' ? { from: Number(first) * 100, to: Number(first) * 100 + 99 } : { from: Number(text), to: Number(text) };
}

function textIn(params: QueryParams, name: string): string | null {
  const value = params[name];
  if (value === undefined) return null;
  if (typeof value !== 'string' || value === '') throw new QueryFault(`${name}: expected one value`);
  return value;
}
