import { batch, signal } from '@preact/signals';
import { act, askJson, Refusal } from './api.js';
import { withEachKey } from './key.js';
import { merged, readingsInHistory } from './readings.js';
import { NOTHING, reduce } from './state.js';
import { follow } from './stream.js';
/** @import { StreamEvent } from './sse.js' */
/** @import { Connection } from './stream.js' */
/** @import { Action, BrokerEvent, Queue, Reading, Snapshot, Status, View } from './types.ts' */

/** Events that change the queue come in bursts; it is asked for again at most so often. ms. */
const QUEUE_EVERY_MS = 500;
const STATUS_EVERY_MS = 1000;
/** What no event tells, such as the number of requests, or that a consumer works for others. ms. */
const ANYWAY_MS = 30_000;
const TICK_MS = 1000;

/** What the page knows. */
export const view = signal(/** @type {View} */ (NOTHING));
export const connection = signal(/** @type {Connection} */ ({ state: 'connecting' }));
/** The wall clock, each second. */
export const now = signal(Date.now());
/** When the queue that is shown was asked for. */
export const queueAt = signal(Date.now());
/** Readings from before the page was opened; null: there is no history. */
export const past = signal(/** @type {readonly Reading[] | null} */ (null));
/** What came of the last thing that somebody did here. */
export const notice = signal(/** @type {{ readonly isError: boolean, readonly text: string } | null} */ (null));

/** @param {Action} action */
function dispatch(action) {
  batch(() => {
    view.value = reduce(view.value, action);
    if (action.type === 'queue' || action.type === 'snapshot') queueAt.value = Date.now();
  });
}

const queueSoon = debounced(QUEUE_EVERY_MS, async () => {
  dispatch({ type: 'queue', queue: /** @type {Queue} */ (await askJson('/v1/queue')) });
});
const statusSoon = debounced(STATUS_EVERY_MS, async () => {
  dispatch({ type: 'status', status: /** @type {Status} */ (await askJson('/v1/status')), at: Date.now() });
});

/** Begins to follow the broker; again whenever another key is typed in. */
export function start() {
  withEachKey(() => follow('/v1/events', { onEvent, onConnection }));
  setInterval(() => {
    // What was last heard does not go on by itself.
    if (!document.hidden && connection.value.state === 'live') now.value = Date.now();
  }, TICK_MS);
  setInterval(() => {
    if (connection.value.state !== 'live') return;
    statusSoon();
    queueSoon();
  }, ANYWAY_MS);
}

/** @param {StreamEvent} event */
function onEvent({ type, data }) {
  const told = /** @type {unknown} */ (JSON.parse(data || 'null'));
  if (type === 'reset') return dispatch({ type: 'reset' });
  if (type === 'snapshot') {
    dispatch({ type: 'snapshot', snapshot: /** @type {Snapshot} */ (told), at: Date.now() });
    void readHistory();
    return;
  }
  if (typeof told !== 'object' || told === null || !('id' in told)) return;
  const event = /** @type {BrokerEvent} */ (told);
  dispatch({ type: 'event', event });
  if (event.type.startsWith('request_') || ['unloading', 'unloaded', 'loading', 'loaded', 'pause'].includes(event.type)) queueSoon();
  if (['health', 'config', 'residency', 'loaded', 'unloaded', 'pause'].includes(event.type)) statusSoon();
}

/** @param {Connection} next */
function onConnection(next) {
  if (connection.value.state === 'live' && next.state !== 'live') dispatch({ type: 'lost', at: Date.now() });
  connection.value = next;
  if (next.state !== 'live') return;
  // Where the stream goes on there is no snapshot, and what no event tells may have changed meanwhile.
  statusSoon();
  queueSoon();
}

/** The last day, if the broker keeps a history. */
async function readHistory() {
  try {
    const readings = readingsInHistory(await askJson('/v1/history?what=vram&since=24h&limit=10000'));
    past.value = merged(past.value ?? [], readings);
  } catch {
    // Off, or not for this key: the chart says that it knows only what the page has seen.
  }
}

/**
 * Has something done, and says what came of it.
 * @param {'POST' | 'DELETE'} method
 * @param {string} path
 * @param {{ readonly done: string, readonly body?: unknown }} more
 */
export async function order(method, path, { done, body }) {
  notice.value = null;
  try {
    await act(method, path, body);
    notice.value = { isError: false, text: done };
    statusSoon();
    queueSoon();
  } catch (error) {
    notice.value = { isError: true, text: error instanceof Refusal ? error.message : 'the broker could not be reached' };
  }
}

/**
 * Runs `task` soon after it was asked for, and never twice at once. Each asking is followed by a run no sooner than `everyMs` later: what the broker
 * says of its queue may be that old.
 * @param {number} everyMs
 * @param {() => Promise<void>} task
 */
function debounced(everyMs, task) {
  let asked = 0;
  let isSet = false;
  /** @param {number} seen */
  const run = async (seen) => {
    // What cannot be had now comes with the next event, or with the next snapshot.
    await task().catch(() => undefined);
    isSet = false;
    if (asked !== seen) set();
  };
  const set = () => {
    if (isSet) return;
    isSet = true;
    const seen = asked;
    setTimeout(() => void run(seen), everyMs);
  };
  return () => {
    asked += 1;
    set();
  };
}
