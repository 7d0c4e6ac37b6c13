/** What a string with a unit means; the schema names it in its keyword `unit`. */
export type Unit = 'duration' | 'duration_or_zero' | 'duration_in_days' | 'size';

/** A duration in ms, a size in bytes; or what would have been right. */
export type Measure = { readonly ok: true; readonly value: number } | { readonly ok: false; readonly expected: string };

/** Node's timers fire at once when they are given more. */
const LONGEST_MS = 2 ** 31 - 1;

const MS = new Map([['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000]]);
/** Nothing waits for these, so no timer bounds them. */
const WITH_DAYS = new Map([...MS, ['d', 86_400_000]]);
const MOST_DAYS = 3650;
const BYTES = new Map([['B', 1], ['KiB', 2 ** 10], ['MiB', 2 ** 20], ['GiB', 2 ** 30]]);

/** Reads `2m` as 120000 ms and `64KiB` as 65536 bytes. */
export function readMeasure(unit: Unit, text: string): Measure {
  if (unit === 'duration_in_days') return readLongDuration(text);
  return unit === 'size' ? readSize(text) : readDuration(text, unit === 'duration_or_zero');
}

/** Where a value is. */
interface Place {
  readonly of: Record<string | number, unknown>;
  readonly member: string | number;
}

/** Puts the measure of a text in its place. Returns false, and changes nothing, if it has none. */
export function convertUnit(unit: Unit, text: string, place: Place): boolean {
  const measure = readMeasure(unit, text);
  if (measure.ok) place.of[place.member] = measure.value;
  return measure.ok;
}

function readLongDuration(text: string): Measure {
  const ms = scaled(text, WITH_DAYS);
  if (ms === null) return { ok: false, expected: 'a duration with its unit such as 12h or 30d' };
  const isRight = ms > 0 && ms <= MOST_DAYS * 86_400_000;
  return isRight ? { ok: true, value: ms } : { ok: false, expected: `a duration of at least 1ms and at most ${MOST_DAYS}d` };
}

function readDuration(text: string, zeroAllowed: boolean): Measure {
  const ms = scaled(text, MS);
  if (ms === null) return { ok: false, expected: 'a duration with its unit such as 500ms, 5s or 2m' };
  if (ms > LONGEST_MS) return { ok: false, expected: `a duration of at most ${LONGEST_MS}ms (about 596h)` };
  if (ms === 0 && !zeroAllowed) return { ok: false, expected: 'a duration of at least 1ms' };
  return { ok: true, value: ms };
}

function readSize(text: string): Measure {
  const bytes = scaled(text, BYTES);
  if (bytes === null) return { ok: false, expected: 'a size with its unit such as 64KiB, 512MiB or 2GiB' };
  if (bytes > Number.MAX_SAFE_INTEGER) return { ok: false, expected: 'a size of at most 8388607GiB' };
  if (bytes === 0) return { ok: false, expected: 'a size of at least 1B' };
  return { ok: true, value: bytes };
}

/** The number times its unit, rounded; null where the text is no number with a known unit. */
function scaled(text: string, factors: ReadonlyMap<string, number>): number | null {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]+)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : factors.get(unit);
  return number === undefined || factor === undefined ? null : Math.round(Number(number) * factor);
}
