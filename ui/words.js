/** @import { Row, WaitingEntry } from './types.ts' */

/**
 * Memory as a person reads it.
 * @param {number | null | undefined} mib
 */
export function size(mib) {
  if (mib === null || mib === undefined) return '?';
  return mib < 1000 ? `${Math.round(mib)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;
}

/**
 * A time span as a person reads it.
 * @param {number | null | undefined} ms
 */
export function span(ms) {
  if (ms === null || ms === undefined) return '?';
  if (ms < 950) return `${Math.max(0, Math.round(ms / 10) * 10)} ms`;
  const s = ms / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/**
 * The time of day.
 * @param {number} at
 */
export function clock(at) {
  return new Date(at).toTimeString().slice(0, 8);
}

/**
 * When a waiting request is served, as far as that is known.
 * @param {WaitingEntry} entry
 * @param {number} heldMs since the queue was asked for
 */
export function estimate({ admitting, estimated_wait_ms: ms, estimated_wait_range_ms: range, estimate: reason }, heldMs) {
  if (admitting === true) return 'room is being made for it';
  if (ms === null) return `no estimate${reason ? `: ${reason}` : ''}`;
  // Nobody can say that to the ms.
  const left = (/** @type {number} */ each) => (each - heldMs < 1000 ? 'less than 1 s' : span(each - heldMs));
  return ms - heldMs < 1000 ? 'any moment now' : `in about ${left(ms)}${range ? ` (${left(range[0])} to ${left(range[1])})` : ''}`;
}

/**
 * What a waiting request will put out of the card.
 * @param {WaitingEntry} entry
 */
export function evicts({ will_evict: targets }) {
  if (!targets || targets.length === 0) return null;
  return `will evict ${targets.map(({ consumer, frees_mib: mib }) => (mib === null ? consumer : `${consumer} (${size(mib)})`)).join(', ')}`;
}

/** @type {Readonly<Record<string, string>>} */
const BY_RULE = { idle: 'it had been idle for too long', reload: 'the configuration no longer has it as it was', hand: 'somebody asked for it' };

/**
 * A row of the timeline in a sentence.
 * @param {Row} row
 */
export function sentence(row) {
  switch (row.what) {
    case 'unload':
      return `${row.consumer ?? '?'} ${verb(row, ['is being unloaded', 'was unloaded', 'could not be unloaded'])}${cause(row)}`;
    case 'load':
      return `${row.consumer ?? '?'} ${verb(row, ['is being loaded', 'was loaded', 'could not be loaded'])}`;
    case 'pause':
      return row.reason === 'paused' ? `the card is kept from new work${row.for === null ? '' : `, by ${row.for}`}` : 'new work is taken again';
    case 'config':
      return row.result === 'failed' ? 'a new configuration was refused' : 'a new configuration was taken';
    case 'restart':
      return 'the broker was started again';
  }
}

/**
 * @param {Row} row
 * @param {[string, string, string]} verbs while it is under way, when done, when failed
 */
function verb({ result }, [running, done, failed]) {
  if (result === 'lost') return `${running} (how it ended was not seen)`;
  return { running, done, failed }[result];
}

/** @param {Row} row */
function cause({ for: whom, reason, explanation }) {
  if (explanation !== null) return `${whom === null ? '' : ` for ${whom}`}: ${explanation}`;
  if (whom !== null) return ` for ${whom}`;
  return reason !== null && BY_RULE[reason] !== undefined ? `: ${BY_RULE[reason]}` : '';
}

/**
 * What it was expected to free, what it freed, and how long it took; null: nothing of that is known.
 * @param {Row} row
 */
export function measure({ expectedMib, freedMib, ms }) {
  const parts = [
    ...(expectedMib === null ? [] : [`expected ${Math.round(expectedMib)} MiB`]),
    ...(freedMib === null ? [] : [`freed ${Math.round(freedMib)} MiB`]),
    ...(ms === null ? [] : [`took ${span(ms)}`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}
