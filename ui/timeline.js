/** @import { BrokerEvent, Row } from './types.ts' */

/** So many rows are kept; a wall screen shows some thirty. */
const KEPT = 200;

/** @type {Omit<Row, 'key' | 'at' | 'what' | 'result'>} */
const EMPTY = { consumer: null, for: null, reason: null, explanation: null, expectedMib: null, freedMib: null, ms: null, error: null };

/**
 * The rows after an event: an unloading or a loading begins one, and its end completes it.
 * @param {readonly Row[]} rows newest first
 * @param {BrokerEvent} event
 * @param {string} boot
 * @returns {readonly Row[]}
 */
export function withEvent(rows, event, boot) {
  const row = rowOf(event, boot);
  if (row === null) return rows;
  const begun = event.type === 'unloaded' || event.type === 'loaded' ? rows.find((each) => isBegun(each, row)) : undefined;
  if (begun === undefined) return [row, ...rows].slice(0, KEPT);
  return rows.map((each) => (each === begun ? { ...row, at: begun.at } : each));
}

/**
 * A row that says that the broker was restarted; what was under way ended with it.
 * @param {readonly Row[]} rows
 * @param {{ boot: string, at: number }} start
 * @returns {readonly Row[]}
 */
export function withRestart(rows, { boot, at }) {
  /** @type {Row} */
  const restart = { ...EMPTY, key: `${boot}-0`, at, what: 'restart', result: 'done' };
  return [restart, ...withGap(rows)].slice(0, KEPT);
}

/**
 * The rows after events were missed: how what was under way has ended is not known.
 * @param {readonly Row[]} rows
 * @returns {readonly Row[]}
 */
export function withGap(rows) {
  return rows.map((row) => (row.result === 'running' ? { ...row, result: 'lost' } : row));
}

/**
 * @param {Row} each
 * @param {Row} row
 */
function isBegun(each, row) {
  return each.result === 'running' && each.what === row.what && each.consumer === row.consumer;
}

/**
 * @param {BrokerEvent} event
 * @param {string} boot
 * @returns {Row | null}
 */
function rowOf(event, boot) {
  const base = { ...EMPTY, key: `${boot}-${event.id}`, at: Date.parse(event.time) };
  switch (event.type) {
    case 'unloading':
      return { ...base, ...unloadOf(event), what: 'unload', result: 'running' };
    case 'unloaded': {
      const ms = event.hook_ms === null && event.settle_ms === null ? null : (event.hook_ms ?? 0) + (event.settle_ms ?? 0);
      return { ...base, ...unloadOf(event), what: 'unload', result: event.result === 'freed' ? 'done' : 'failed', freedMib: event.freed_mib, ms, error: event.error };
    }
    case 'loading':
      return { ...base, what: 'load', consumer: event.consumer, result: 'running' };
    case 'loaded':
      return { ...base, what: 'load', consumer: event.consumer, result: event.result === 'ready' ? 'done' : 'failed', ms: event.load_ms, error: event.error };
    case 'pause':
      return { ...base, what: 'pause', result: 'done', reason: event.paused ? 'paused' : 'resumed', for: event.by };
    case 'config':
      return { ...base, what: 'config', result: event.result === 'reloaded' ? 'done' : 'failed', error: event.problem };
    default:
      return null;
  }
}

/** @param {Extract<BrokerEvent, { type: 'unloading' | 'unloaded' }>} event */
function unloadOf(event) {
  return { consumer: event.consumer, for: event.for, reason: event.reason, explanation: event.explanation, expectedMib: event.expected_mib };
}
