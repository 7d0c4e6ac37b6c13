import { EVENT_FIELDS } from './event-types.ts';
import type { BrokerEvent } from './events.ts';

/** What is kept, and as which events it comes: the columns are the fields of these. */
export const HISTORY_TABLES = {
  exchanges: 'request_finished',
  evictions: 'unloaded',
  loads: 'loaded',
  health: 'health',
  config: 'config',
  vram: 'sample',
} as const;

/** A table of the history. */
export type HistoryTable = keyof typeof HISTORY_TABLES;

/** A column beside `id` and `time`. An `object` is kept as JSON. */
export interface HistoryColumn {
  readonly name: string;
  readonly holds: 'text' | 'number' | 'object';
}

/** Value of a column as it is kept. */
export type HistoryValue = string | number | null;

const TABLE_OF: ReadonlyMap<string, HistoryTable> = new Map(Object.entries(HISTORY_TABLES).flatMap(([table, type]) => (isHistoryTable(table) ? [[type, table] as const] : [])));

/** Names of all tables. */
export const HISTORY_TABLE_NAMES: readonly HistoryTable[] = [...TABLE_OF.values()];

/** Hooks and servers say as much as they like; its beginning tells what it is about. Characters. */
const LONGEST_TEXT = 1000;

/** Whether there is a table of that name. */
export function isHistoryTable(name: string): name is HistoryTable {
  return Object.hasOwn(HISTORY_TABLES, name);
}

/** The table in which an event is kept; null: it is not. */
export function historyTableOf({ type }: Pick<BrokerEvent, 'type'>): HistoryTable | null {
  return TABLE_OF.get(type) ?? null;
}

/** The columns of a table beside `id` and `time`, in order. */
export function historyColumns(table: HistoryTable): readonly HistoryColumn[] {
  return Object.entries(EVENT_FIELDS[HISTORY_TABLES[table]]).map(([name, holds]) => ({ name, holds }));
}

/** What is kept of an event, in the order of the columns. */
export function historyValues(event: BrokerEvent, columns: readonly HistoryColumn[]): HistoryValue[] {
  const fields: Readonly<Record<string, unknown>> = { ...event };
  return columns.map(({ name }) => keptValue(fields[name]));
}

function keptValue(value: unknown): HistoryValue {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return value.slice(0, LONGEST_TEXT);
  return value === null || value === undefined ? null : JSON.stringify(value);
}

/** The minute in which an event happened: of the readings of the card one a minute is kept. */
export function minuteOf({ time }: Pick<BrokerEvent, 'time'>): string {
  return time.slice(0, 'YYYY-MM-DDTHH:MM'.length);
}
