/** How much the newest duration counts. */
const NEWEST = 0.3;
/** So many have to be known before anybody is refused because of them. */
const SURE_AFTER = 3;

/** How long something takes, on average; the newest counts most. */
export interface Pace {
  /** ms */
  readonly meanMs: number;
  readonly count: number;
}

/** The pace with one more duration, ms. */
export function paced(pace: Pace | undefined, ms: number): Pace {
  if (pace === undefined) return { meanMs: ms, count: 1 };
  return { meanMs: pace.meanMs + NEWEST * (ms - pace.meanMs), count: pace.count + 1 };
}

/** What it is expected to take, ms; null: not known, or where it has to be sure, known from too few. */
export function expectedMs(pace: Pace | undefined, mustBeSure: boolean): number | null {
  if (pace === undefined || (mustBeSure && pace.count < SURE_AFTER)) return null;
  return pace.meanMs;
}
