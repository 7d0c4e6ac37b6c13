/** So many of the latest durations count: enough for a spread, few enough that another model shows within an hour. */
const KEPT = 32;
/** So many have to be known before anybody is refused because of them, and before their spread says something. */
const SURE_AFTER = 3;
/** Of so few, the real duration may be this many times longer or shorter. */
const UNSURE_FACTOR = 2;
/** Of the kept durations, sorted, this share at each end says nothing of the mean: first loads, texts of one word, retries. */
const TRIMMED = 0.2;

/** How long something took of late, ms, oldest first. */
export type Pace = readonly number[];

/** How long something will take, ms: about `ms`, and in three of five cases from `lowMs` to `highMs`. */
export interface Expected {
  readonly ms: number;
  readonly lowMs: number;
  readonly highMs: number;
}

/** Why no time can be said: something has not ended often enough yet, or ends when its holder likes, or work that did not come through us is in the way. */
export type Unknown = 'no history' | 'lease by hand' | 'held';

/** What takes no time. */
export const AT_ONCE: Expected = { ms: 0, lowMs: 0, highMs: 0 };

/** The pace with one more duration, ms. */
export function paced(pace: Pace | undefined, ms: number): Pace {
  return [...(pace ?? []).slice(1 - KEPT), ms];
}

/** What it is expected to take; null: not known, or where it has to be sure, known from too few. */
export function expected(pace: Pace | undefined, mustBeSure: boolean): Expected | null {
  if (pace === undefined || pace.length === 0 || (mustBeSure && pace.length < SURE_AFTER)) return null;
  const sorted = pace.toSorted((a, b) => a - b);
  const ms = middleMean(sorted);
  if (sorted.length < SURE_AFTER) return { ms, lowMs: ms / UNSURE_FACTOR, highMs: ms * UNSURE_FACTOR };
  return { ms, lowMs: Math.min(ms, quantile(sorted, TRIMMED)), highMs: Math.max(ms, quantile(sorted, 1 - TRIMMED)) };
}

/** One after the other. They do not depend on each other, so that their spreads add as squares. */
export function inTurn(a: Expected, b: Expected): Expected {
  const ms = a.ms + b.ms;
  return { ms, lowMs: ms - joint(a.ms - a.lowMs, b.ms - b.lowMs), highMs: ms + joint(a.highMs - a.ms, b.highMs - b.ms) };
}

/** Not `Math.hypot`, which takes many times as long: this is done for each of ten thousand that wait. */
function joint(a: number, b: number): number {
  return Math.sqrt(a * a + b * b);
}

/** Mean of what is left when the shortest and the longest are taken away; of three that is the middle one. */
function middleMean(sorted: readonly number[]): number {
  const cut = sorted.length < SURE_AFTER ? 0 : Math.max(1, Math.floor(TRIMMED * sorted.length));
  const middle = sorted.slice(cut, sorted.length - cut);
  return middle.reduce((sum, each) => sum + each, 0) / middle.length;
}

function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
