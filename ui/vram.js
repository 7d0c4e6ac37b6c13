/** @import { Consumer, Queue, Reading, Status } from './types.ts' */

/**
 * A part of the bar: a consumer, processes of nobody's (`foreign`), what no process explains (`other`), or what is `free`.
 * @typedef {{ readonly kind: 'consumer' | 'foreign' | 'other' | 'free', readonly name: string, readonly mib: number }} Part
 */

/**
 * The card's memory in parts that add up to all of it; null: not even its size is known.
 * Without a reading the declared sizes of what is believed to be loaded stand in.
 * @param {Status} status
 * @param {Reading | undefined} reading
 * @returns {{ readonly totalMib: number, readonly isMeasured: boolean, readonly parts: readonly Part[] } | null}
 */
export function bar({ consumers, gpu }, reading) {
  const isMeasured = reading !== undefined && reading.error === null && reading.usedMib !== null && reading.totalMib !== null;
  const totalMib = reading?.totalMib ?? gpu.total_mib;
  if (totalMib === null) return null;
  const sizes = isMeasured ? reading.consumers : declared(consumers);
  const held = Object.entries(sizes).filter(([, mib]) => mib > 0).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const known = held.reduce((sum, [, mib]) => sum + mib, 0);
  const foreign = isMeasured ? (reading.foreignMib ?? 0) : 0;
  const used = isMeasured ? reading.usedMib : known;
  return {
    totalMib,
    isMeasured,
    parts: [
      ...held.map(([name, mib]) => /** @type {Part} */ ({ kind: 'consumer', name, mib })),
      ...part('foreign', 'foreign', foreign),
      ...part('other', 'not accounted for', used - known - foreign),
      ...part('free', 'free', totalMib - Math.max(used, known + foreign)),
    ],
  };
}

/**
 * @param {Part['kind']} kind
 * @param {string} name
 * @param {number} mib
 * @returns {Part[]}
 */
function part(kind, name, mib) {
  return mib > 0 ? [{ kind, name, mib }] : [];
}

/** @param {readonly Consumer[]} consumers */
function declared(consumers) {
  return Object.fromEntries(consumers.filter(({ residency }) => residency === 'resident').map(({ name, vram_budget_mib: mib }) => [name, mib ?? 0]));
}

/**
 * What the next waiting request needs beside what its consumer has; null: nothing, or it is not known.
 * @param {Queue | null} queue
 * @param {Status} status
 * @param {Reading | undefined} reading
 */
export function ghost(queue, { consumers, gpu }, reading) {
  const next = queue?.waiting.toSorted((a, b) => a.position - b.position)[0];
  const consumer = consumers.find(({ name }) => name === next?.consumer);
  if (next === undefined || consumer === undefined || consumer.vram_budget_mib === null || consumer.residency === 'resident') return null;
  const needMib = consumer.vram_budget_mib - (reading?.consumers[consumer.name] ?? 0);
  const freeMib = reading?.freeMib ?? gpu.free_mib;
  return needMib > 0 ? { consumer: consumer.name, needMib, missingMib: freeMib === null ? null : Math.max(0, needMib - freeMib), evicts: next.will_evict ?? [] } : null;
}

/** Readings further apart than this have a gap between them: nobody looked. ms. */
const GAP_MS = 200_000;

/**
 * The readings as layers that lie on each other: the tops of each consumer by name, then of foreign memory, then of all that is used. null: not known.
 * @param {readonly Reading[]} readings oldest first
 * @param {readonly string[]} names
 */
export function layers(readings, names) {
  const rows = readings.flatMap((reading, index) => {
    const before = readings[index - 1];
    const gap = before !== undefined && reading.at - before.at > GAP_MS ? [{ at: before.at + 1, tops: null, foreign: null, used: null }] : [];
    return [...gap, { at: reading.at, ...topsOf(reading, names) }];
  });
  return {
    times: rows.map(({ at }) => at / 1000),
    tops: names.map((_, index) => rows.map(({ tops }) => tops?.[index] ?? null)),
    foreign: rows.map(({ foreign }) => foreign),
    used: rows.map(({ used }) => used),
  };
}

/**
 * @param {Reading} reading
 * @param {readonly string[]} names
 */
function topsOf({ consumers, foreignMib, usedMib }, names) {
  /** @type {number[]} */
  const tops = [];
  for (const name of names) tops.push((tops.at(-1) ?? 0) + (consumers[name] ?? 0));
  const all = tops.at(-1) ?? 0;
  return { tops, foreign: foreignMib === null ? null : all + foreignMib, used: usedMib === null ? null : Math.max(usedMib, all + (foreignMib ?? 0)) };
}
