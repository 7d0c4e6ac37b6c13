import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { HISTORY_TABLE_NAMES, historyColumns } from '../core/history-tables.ts';
import type { HistoryTable } from '../core/history-tables.ts';
import { ForeignFile } from './faults.ts';

/** An open file. */
export type HistoryDatabase = Database.Database;

/** `mGPU`, by which the file is known for ours: https://www.sqlite.org/pragma.html#pragma_application_id */
const APPLICATION_ID = 0x6d475055;
const FORMAT = 1;
/** The log beside the file is cut back to this when it is empty again. Bytes. */
const MOST_LOG_BYTES = 4 * 2 ** 20;
/** More damaged files than this beside each other say that the disk is ill; another would fill it. */
const MOST_SET_ASIDE = 5;
/** SQLite has these beside the file while it is open. */
const COMPANIONS = ['-wal', '-shm'];

/**
 * Opens the file, makes it if there is none, and gives it the tables and columns that it lacks.
 * @throws SqliteError, a system error, or ForeignFile.
 */
export function openFile(path: string): HistoryDatabase {
  makePrivate(path);
  const database = new Database(path);
  try {
    prepare(database, isNew(database));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** It says who asked for what: nobody else may read it. SQLite gives its companions the same rights. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

/** @throws ForeignFile if it is none of ours. */
function isNew(database: HistoryDatabase): boolean {
  const id = database.pragma('application_id', { simple: true });
  const isEmpty = id === 0 && database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (!isEmpty && id !== APPLICATION_ID) throw new ForeignFile('its file is a database of another program');
  if (Number(database.pragma('user_version', { simple: true })) > FORMAT) throw new ForeignFile('its file was written by a later version');
  return isEmpty;
}

function prepare(database: HistoryDatabase, isFresh: boolean): void {
  // Before the first table, or it has no effect.
  if (isFresh) database.pragma('auto_vacuum = INCREMENTAL');
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.pragma(`journal_size_limit = ${MOST_LOG_BYTES}`);
  // As one: a file is ours with all of its tables, or still empty.
  database.transaction(() => {
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${FORMAT}`);
    for (const table of HISTORY_TABLE_NAMES) makeTable(database, table);
  })();
}

/** An older version may have known fewer columns. */
function makeTable(database: HistoryDatabase, table: HistoryTable): void {
  database.exec(`CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL)`);
  database.exec(`CREATE INDEX IF NOT EXISTS ${table}_at ON ${table} (at)`);
  const there = new Set(database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table));
  for (const { name, holds } of historyColumns(table)) {
    if (!there.has(name)) database.exec(`ALTER TABLE ${table} ADD COLUMN "${name}" ${holds === 'number' ? 'REAL' : 'TEXT'}`);
  }
}

/**
 * Puts a damaged file out of the way, so that it can be looked at and a new one begun. Returns where it is.
 * @throws a system error, or ForeignFile if there are too many already.
 */
export function setAside(path: string): string {
  const names = Array.from({ length: MOST_SET_ASIDE }, (_, index) => `${path}.damaged-${index + 1}`);
  const free = names.find((name) => !existsSync(name));
  if (free === undefined) throw new ForeignFile('its file is damaged, and so many before it that no more are put aside');
  renameSync(path, free);
  for (const suffix of COMPANIONS) if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${free}${suffix}`);
  return free;
}

/** Which file it is, whatever its name; null: there is none. */
export function identityOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}
