import type { BrokerEvent } from '../core/events.ts';
import type { HistoryRows } from '../core/history-page.ts';
import type { HistoryQuery } from '../core/history-query.ts';
import { HISTORY_TABLE_NAMES, historyColumns, historyTableOf, historyValues } from '../core/history-tables.ts';
import type { HistoryTable, HistoryValue } from '../core/history-tables.ts';
import { identityOf, openFile } from './file.ts';
import type { HistoryDatabase } from './file.ts';
import type { HistoryLimits } from './messages.ts';

/** So many rows go at once, so that nobody waits long for the file: a few ms. */
const CHUNK_ROWS = 500;
/** Free pages that are not worth giving back to the disk; the next rows take them. Of 4 KiB. */
const SPARE_PAGES = 256;

type Values = readonly HistoryValue[];
type RawRow = readonly [id: number, at: number, ...values: HistoryValue[]];

/** The file with what has happened. All of it waits for the disk, so it runs in a thread of its own. Everything may throw an SqliteError. */
export class Store {
  readonly #path: string;
  readonly #database: HistoryDatabase;
  readonly #identity: string | null;
  readonly #inserts: ReadonlyMap<HistoryTable, (values: Values) => void>;

  /** @throws SqliteError, a system error, or ForeignFile. */
  constructor(path: string) {
    this.#path = path;
    this.#database = openFile(path);
    this.#identity = identityOf(path);
    this.#inserts = new Map(HISTORY_TABLE_NAMES.map((table) => [table, inserterOf(this.#database, table)] as const));
  }

  /** Somebody has deleted or replaced the file: what is written now would be seen by nobody. */
  get isMoved(): boolean {
    return identityOf(this.#path) !== this.#identity;
  }

  /** Keeps all of these events or, if it throws, none. */
  write(events: readonly BrokerEvent[]): void {
    this.#database.transaction(() => {
      for (const event of events) this.#insert(event);
    })();
  }

  #insert(event: BrokerEvent): void {
    const table = historyTableOf(event);
    if (table === null) return;
    this.#inserts.get(table)?.([Date.parse(event.time), ...historyValues(event, historyColumns(table))]);
  }

  read(query: HistoryQuery): HistoryRows {
    const { what, limit } = query;
    const columns = historyColumns(what);
    const names = ['id', 'at', ...columns.map(({ name }) => name)].map((name) => `"${name}"`).join(', ');
    const { sql, values } = conditionOf(query);
    const select = `SELECT ${names} FROM ${what} WHERE ${sql} ORDER BY id DESC LIMIT ?`;
    const found = this.#database.prepare<HistoryValue[], RawRow>(select).raw().all(...values, limit + 1);
    const rows = found.slice(0, limit).map(([id, at, ...rest]) => ({ id, at, values: rest }));
    return { what, columns, rows, next: found.length > limit ? (rows.at(-1)?.id ?? null) : null };
  }

  /** Forgets some of what is too old or too much. Returns whether there is more to forget. */
  trim({ keepMs, maxBytes }: HistoryLimits, nowMs: number): boolean {
    const old = HISTORY_TABLE_NAMES.map((table) => this.#forget(table, nowMs - keepMs));
    const isTooLarge = this.#usedBytes() > maxBytes;
    if (isTooLarge) this.#forget(this.#largest(), null);
    if (this.#pragma('freelist_count') > SPARE_PAGES) this.#database.pragma(`incremental_vacuum(${CHUNK_ROWS})`);
    return isTooLarge || old.includes(CHUNK_ROWS);
  }

  close(): void {
    this.#database.close();
  }

  /** The oldest, or only what is older than `beforeMs`. Returns how many. */
  #forget(table: HistoryTable, beforeMs: number | null): number {
    const condition = beforeMs === null ? '' : 'WHERE at < ?';
    const remove = this.#database.prepare<number[]>(`DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} ${condition} ORDER BY at LIMIT ${CHUNK_ROWS})`);
    return remove.run(...(beforeMs === null ? [] : [beforeMs])).changes;
  }

  /** The one with the most rows, so that many of one kind never push out the few of another. */
  #largest(): HistoryTable {
    const spans = HISTORY_TABLE_NAMES.map((table) => ({ table, rows: this.#span(table) }));
    return spans.reduce((most, each) => (each.rows > most.rows ? each : most)).table;
  }

  /** As good as the number of rows, and found at once. */
  #span(table: HistoryTable): number {
    return this.#database.prepare<[], number | null>(`SELECT (SELECT max(id) FROM ${table}) - (SELECT min(id) FROM ${table})`).pluck().get() ?? -1;
  }

  #usedBytes(): number {
    return (this.#pragma('page_count') - this.#pragma('freelist_count')) * this.#pragma('page_size');
  }

  #pragma(name: string): number {
    return Number(this.#database.pragma(name, { simple: true }));
  }
}

function inserterOf(database: HistoryDatabase, table: HistoryTable): (values: Values) => void {
  const names = historyColumns(table).map(({ name }) => `, "${name}"`);
  const insert = database.prepare<HistoryValue[]>(`INSERT INTO ${table} (at${names.join('')}) VALUES (?${', ?'.repeat(names.length)})`);
  return (values) => void insert.run(...values);
}

/**
 * Ids rise with time, so a page is a walk back from its first id. The index by time only says where that ends: as the order it would have to be
 * sorted, and a wall clock that was put back must lose nothing.
 */
function conditionOf({ what, sinceMs, untilMs, beforeId, filters }: HistoryQuery): { readonly sql: string; readonly values: HistoryValue[] } {
  const parts: (readonly [sql: string, values: readonly HistoryValue[]])[] = [['1', []]];
  if (beforeId !== null) parts.push(['id < ?', [beforeId]]);
  if (sinceMs !== null) parts.push([`id >= (SELECT min(id) FROM ${what} WHERE at >= ?) AND +at >= ?`, [sinceMs, sinceMs]]);
  if (untilMs !== null) parts.push([`id <= (SELECT max(id) FROM ${what} WHERE at < ?) AND +at < ?`, [untilMs, untilMs]]);
  for (const { column, from, to } of filters) parts.push([`"${column}" BETWEEN ? AND ?`, [from, to]]);
  return { sql: parts.map(([sql]) => sql).join(' AND '), values: parts.flatMap(([, values]) => values) };
}
