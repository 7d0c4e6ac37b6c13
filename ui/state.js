import { stateOf, unseen, withChange, withStates } from './health.js';
import { readingIn, readingOf, withReading } from './readings.js';
import { withEvent, withGap, withRestart } from './timeline.js';
/** @import { Action, BrokerEvent, Consumer, Snapshot, Status, View } from './types.ts' */

/** @type {View} */
export const NOTHING = { boot: null, lastId: 0, isStale: true, status: null, queue: null, rows: [], readings: [], health: {} };

/**
 * What the page shows after something was told. What was told before changes nothing, however often the stream begins anew.
 * @param {View} view
 * @param {Action} action
 * @returns {View}
 */
export function reduce(view, action) {
  switch (action.type) {
    case 'reset':
      // What is shown stays until the snapshot that follows: nobody is helped by an empty page.
      return { ...view, isStale: true };
    case 'lost':
      return { ...view, health: unseen(view.health, action.at) };
    case 'snapshot':
      return afterSnapshot(view, action.snapshot, action.at);
    case 'event':
      return view.isStale || action.event.id <= view.lastId ? view : afterEvent(view, action.event);
    case 'queue':
      return { ...view, queue: action.queue };
    case 'status':
      return withStatus(view, action.status, action.at);
  }
}

/**
 * @param {View} view
 * @param {Snapshot} snapshot
 * @param {number} at
 * @returns {View}
 */
function afterSnapshot(view, snapshot, at) {
  const { boot, last_id: lastId, status, queue, events } = snapshot;
  const isSameRun = view.boot === boot;
  const seenId = isSameRun ? view.lastId : 0;
  const missed = events.filter(({ id }) => id > seenId);
  const hasGap = isSameRun && missed.length < lastId - seenId;
  const rows = view.boot === null || isSameRun ? (hasGap ? withGap(view.rows) : view.rows) : withRestart(view.rows, { boot, at });
  const caughtUp = missed.reduce(afterEvent, { ...view, boot, isStale: false, rows, status: null });
  return withStatus({ ...caughtUp, lastId, queue: queue ?? view.queue }, status, at);
}

/**
 * @param {View} view
 * @param {Status} status
 * @param {number} at
 * @returns {View}
 */
function withStatus(view, status, at) {
  const reading = readingIn(status, at);
  const isNewer = reading.at > (view.readings.at(-1)?.at ?? 0);
  return { ...view, status, health: withStates(view.health, status, at), readings: isNewer ? withReading(view.readings, reading) : view.readings };
}

/**
 * @param {View} before
 * @param {BrokerEvent} event
 * @returns {View}
 */
function afterEvent(before, event) {
  const view = { ...before, lastId: event.id, rows: withEvent(before.rows, event, before.boot ?? '') };
  switch (event.type) {
    case 'sample':
      return { ...view, readings: withReading(view.readings, readingOf(event)), status: withSample(view.status, event) };
    case 'residency':
      return patched(view, event.consumer, { residency: event.to, loaded: event.to === 'unknown' ? null : event.to === 'resident' });
    case 'health':
      return afterHealth(view, event);
    case 'pause':
      return { ...view, status: view.status && { ...view.status, paused: event.paused ? { since: event.time, by: event.by } : null } };
    default:
      return view;
  }
}

/**
 * @param {View} view
 * @param {Extract<BrokerEvent, { type: 'health' }>} event
 * @returns {View}
 */
function afterHealth(view, { consumer: name, to, reason, time }) {
  const healthy = to === 'unknown' ? null : to === 'healthy';
  const next = patched(view, name, { healthy, ...(healthy === false ? { last_error: reason } : {}) });
  const consumer = next.status?.consumers.find((each) => each.name === name);
  const change = { at: Date.parse(time), to: consumer === undefined ? to : stateOf(consumer) };
  return { ...next, health: { ...next.health, [name]: withChange(next.health[name] ?? [], change) } };
}

/**
 * @param {View} view
 * @param {string} name
 * @param {Partial<Consumer>} change
 * @returns {View}
 */
function patched(view, name, change) {
  const { status } = view;
  if (status === null) return view;
  return { ...view, status: { ...status, consumers: status.consumers.map((each) => (each.name === name ? { ...each, ...change } : each)) } };
}

/**
 * @param {Status | null} status
 * @param {Extract<BrokerEvent, { type: 'sample' }>} sample
 * @returns {Status | null}
 */
function withSample(status, { total_mib, used_mib, free_mib, consumers, error, time }) {
  if (status === null) return null;
  return {
    ...status,
    gpu: error === null ? { ...status.gpu, total_mib, used_mib, free_mib, last_sample: time, err: undefined } : { ...status.gpu, err: error },
    consumers: status.consumers.map((each) => ({ ...each, gpu_resident_mib: consumers[each.name] ?? (error === null ? null : each.gpu_resident_mib) })),
  };
}
