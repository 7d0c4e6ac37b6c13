import { signal } from '@preact/signals';
import { withEachKey } from './key.js';
import { appended, KEPT, lineOf } from './log-lines.js';
import { follow } from './stream.js';
/** @import { Line } from './log-lines.js' */
/** @import { StreamEvent } from './sse.js' */
/** @import { Connection } from './stream.js' */

/** Lines come faster than a screen is drawn. ms. */
const FLUSH_MS = 100;

/** Oldest first. */
export const lines = signal(/** @type {readonly Line[]} */ ([]));
export const connection = signal(/** @type {Connection} */ ({ state: 'connecting' }));
export const isPaused = signal(false);

let lastId = 0;
/** @type {Line[]} */
let pending = [];

/** Follows the log; again whenever another key is typed in. */
export function start() {
  withEachKey(() => follow('/v1/logs?follow=1&n=200', { onEvent: take, onConnection: (next) => (connection.value = next) }));
  setInterval(flush, FLUSH_MS);
}

/** @param {StreamEvent} event */
function take({ type, data }) {
  if (type === 'bye') return;
  lastId += 1;
  pending.push(lineOf(data, lastId));
}

function flush() {
  if (pending.length > KEPT) pending = pending.slice(-KEPT);
  if (isPaused.value || pending.length === 0) return;
  lines.value = appended(lines.value, pending);
  pending = [];
}
