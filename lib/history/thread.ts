import { parentPort } from 'node:worker_threads';
import { historyCsv, historyJson } from '../core/history-page.ts';
import { isDamage, isPassing, reasonOf } from './faults.ts';
import { setAside } from './file.ts';
import type { HistoryPage, HistoryReply, HistorySettings, HistoryTask } from './messages.ts';
import { Store } from './store.ts';

/** What became too old is looked for so often. ms */
const TRIM_MS = 60_000;

// Runs as a thread: what it does waits for the disk, which no request must.
let settings: HistorySettings | null = null;
let store: Store | null = null;
let setAsideAs: string | null = null;
let isTrimDue = false;
/** What the last trim met with; null: nothing. */
let trimFault: unknown = null;

parentPort?.on('message', ({ id, task }: { readonly id: number; readonly task: HistoryTask }) => {
  const reply = replyTo(task);
  const body = reply.ok ? reply.page?.body.buffer : undefined;
  parentPort?.postMessage({ id, reply }, body === undefined ? [] : [body]);
  if (task.type === 'close') parentPort?.close();
});
setInterval(lookAfter, TRIM_MS).unref();

function replyTo(task: HistoryTask): HistoryReply {
  setAsideAs = null;
  try {
    const page = carryOut(task);
    return { ok: true, page, setAside: setAsideAs };
  } catch (error) {
    if (!isPassing(error)) close();
    return { ok: false, reason: reasonOf(error), detail: String(error), setAside: setAsideAs };
  }
}

function carryOut(task: HistoryTask): HistoryPage | null {
  if (task.type === 'close') close();
  if (task.type === 'settings') settings = task.settings;
  if (task.type === 'write') withStore((open) => open.write(task.events));
  if (task.type === 'settings' || task.type === 'write') trimSoon();
  return task.type === 'read' ? withStore((open) => read(open, task)) : null;
}

function read(open: Store, { query, format }: Extract<HistoryTask, { type: 'read' }>): HistoryPage {
  const rows = open.read(query);
  return { body: new TextEncoder().encode(format === 'csv' ? historyCsv(rows) : historyJson(rows)), next: rows.next };
}

/** A damaged file is put aside, and the work done with a new one. */
function withStore<T>(work: (open: Store) => T): T {
  if (settings === null) throw new Error('there are no settings yet');
  const { file } = settings;
  const found = trimFault;
  trimFault = null;
  try {
    if (isDamage(found)) throw found;
    return work((store ??= new Store(file)));
  } catch (error) {
    if (!isDamage(error)) throw error;
    close();
    setAsideAs = setAside(file);
    return work((store ??= new Store(file)));
  }
}

/** A chunk at a time, so that what was asked for meanwhile comes in between. */
function trimSoon(): void {
  if (isTrimDue) return;
  isTrimDue = true;
  setImmediate(() => {
    isTrimDue = false;
    if (trim()) trimSoon();
  });
}

/** Returns whether there is more to forget. */
function trim(): boolean {
  if (store === null || settings === null) return false;
  try {
    return store.trim(settings, Date.now());
  } catch (error) {
    trimFault = error;
    if (!isPassing(error)) close();
    return false;
  }
}

function lookAfter(): void {
  if (store?.isMoved === true) close();
  trimSoon();
}

function close(): void {
  const open = store;
  store = null;
  try {
    open?.close();
  } catch {
    // A file that cannot even be closed is let go of all the same.
  }
}
