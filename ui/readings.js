/** @import { BrokerEvent, Reading, Status } from './types.ts' */

/** Readings younger than this are all kept, ms; of older ones one a minute. */
const ALL_MS = 600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * A `sample` event as a reading.
 * @param {Extract<BrokerEvent, { type: 'sample' }>} event
 * @returns {Reading}
 */
export function readingOf(event) {
  return {
    at: Date.parse(event.time),
    totalMib: event.total_mib,
    usedMib: event.used_mib,
    freeMib: event.free_mib,
    consumers: event.consumers,
    foreignMib: event.foreign_mib,
    error: event.error,
  };
}

/**
 * What a status says of the card. It lacks a reading's own time only where there is none.
 * @param {Status} status
 * @param {number} at
 * @returns {Reading}
 */
export function readingIn({ gpu, consumers }, at) {
  const known = consumers.flatMap(({ name, gpu_resident_mib: mib }) => (mib === null ? [] : [/** @type {const} */ ([name, mib])]));
  const foreign = gpu.foreign ?? null;
  const foreignMib = foreign === null || foreign.some(({ mib }) => mib === null) ? null : foreign.reduce((sum, { mib }) => sum + (mib ?? 0), 0);
  return {
    at: gpu.last_sample ? Date.parse(gpu.last_sample) : at,
    totalMib: gpu.total_mib,
    usedMib: gpu.used_mib,
    freeMib: gpu.free_mib,
    consumers: Object.fromEntries(known),
    foreignMib,
    error: gpu.err ?? null,
  };
}

/**
 * All of both, oldest first, each once, thinned out where they are old.
 * @param {readonly Reading[]} some
 * @param {readonly Reading[]} others
 * @returns {readonly Reading[]}
 */
export function merged(some, others) {
  if (others.length === 0) return some;
  const byTime = new Map([...others, ...some].map((reading) => [reading.at, reading]));
  return thinned([...byTime.values()].toSorted((a, b) => a.at - b.at));
}

/**
 * @param {readonly Reading[]} readings
 * @param {Reading} reading
 * @returns {readonly Reading[]}
 */
export function withReading(readings, reading) {
  const newest = readings.at(-1);
  if (newest !== undefined && reading.at <= newest.at) return merged(readings, [reading]);
  // Thinning costs a pass over all, so not with each.
  return readings.length % 64 === 63 ? thinned([...readings, reading]) : [...readings, reading];
}

/**
 * @param {readonly Reading[]} readings oldest first
 * @returns {readonly Reading[]}
 */
function thinned(readings) {
  const now = readings.at(-1)?.at ?? 0;
  let minute = -1;
  return readings.filter(({ at }) => {
    if (now - at > DAY_MS) return false;
    if (now - at < ALL_MS) return true;
    const isFirst = Math.floor(at / MINUTE_MS) !== minute;
    minute = Math.floor(at / MINUTE_MS);
    return isFirst;
  });
}

/**
 * The rows of `GET /v1/history?what=vram` as readings; what is no row is left out.
 * @param {unknown} body
 * @returns {readonly Reading[]}
 */
export function readingsInHistory(body) {
  const rows = isObject(body) && Array.isArray(body['rows']) ? body['rows'].filter(isObject) : [];
  return rows.flatMap((row) => {
    const at = Date.parse(String(row['time']));
    if (Number.isNaN(at)) return [];
    return [{
      at,
      totalMib: number(row['total_mib']),
      usedMib: number(row['used_mib']),
      freeMib: number(row['free_mib']),
      consumers: sizes(row['consumers']),
      foreignMib: number(row['foreign_mib']),
      error: null,
    }];
  });
}

/**
 * By consumer: an object, or the text of one.
 * @param {unknown} value
 * @returns {Record<string, number>}
 */
function sizes(value) {
  if (typeof value === 'string') return sizes(parsed(value));
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).flatMap(([name, mib]) => (typeof mib === 'number' ? [[name, mib]] : [])));
}

/**
 * @param {string} text
 * @returns {unknown}
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * @param {unknown} value
 * @returns {number | null}
 */
function number(value) {
  return typeof value === 'number' ? value : null;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null;
}
