/** @import { Consumer, HealthChange, Status } from './types.ts' */

/** So many changes are kept for each consumer. */
const KEPT = 60;
/** Of a heartbeat: so many, each of so many ms. */
export const BEATS = 30;
export const BEAT_MS = 10_000;
/** What is told of a slice in which several were seen. */
const TOLD = ['unhealthy', 'stopped', 'healthy', 'unknown'];

const STOPPED = ['absent', 'loading', 'unloading'];

/**
 * How a consumer does. One that was unloaded by stopping it answers no probe, and that is fine.
 * @param {Consumer} consumer
 */
export function stateOf({ healthy, residency, loadable }) {
  if (healthy === null) return 'unknown';
  if (healthy) return 'healthy';
  return loadable === true && STOPPED.includes(residency) ? 'stopped' : 'unhealthy';
}

/**
 * The changes, with what a status says now.
 * @param {Readonly<Record<string, readonly HealthChange[]>>} health
 * @param {Status} status
 * @param {number} at
 * @returns {Readonly<Record<string, readonly HealthChange[]>>}
 */
export function withStates(health, { consumers }, at) {
  return Object.fromEntries(consumers.map((consumer) => [consumer.name, withChange(health[consumer.name] ?? [], { at, to: stateOf(consumer) })]));
}

/**
 * @param {readonly HealthChange[]} changes
 * @param {HealthChange} change
 * @returns {readonly HealthChange[]}
 */
export function withChange(changes, change) {
  const last = changes.at(-1);
  if (last?.to === change.to) return changes;
  // Clocks differ, and a snapshot may be read after an event that it does not yet hold.
  return [...changes, { to: change.to, at: Math.max(change.at, last?.at ?? 0) }].slice(-KEPT);
}

/**
 * Nobody looked from `at` on.
 * @param {Readonly<Record<string, readonly HealthChange[]>>} health
 * @param {number} at
 */
export function unseen(health, at) {
  return Object.fromEntries(Object.entries(health).map(([name, changes]) => [name, withChange(changes, { at, to: 'unknown' })]));
}

/**
 * The state in each slice of the last minutes, oldest first; `none`: before the page looked.
 * @param {readonly HealthChange[]} changes oldest first
 * @param {number} now
 * @returns {string[]}
 */
export function beats(changes, now) {
  const end = Math.ceil(now / BEAT_MS) * BEAT_MS;
  return Array.from({ length: BEATS }, (_, index) => {
    const from = end - (BEATS - index) * BEAT_MS;
    const before = changes.findLast(({ at }) => at <= from);
    const within = changes.filter(({ at }) => at > from && at <= from + BEAT_MS);
    const states = [...(before === undefined ? [] : [before]), ...within].map(({ to }) => to);
    return TOLD.find((state) => states.includes(state)) ?? 'none';
  });
}
