/** Between two questions: a job ends in a moment that somebody is waiting for, so that a short one is asked about more often. */
const SHORTEST_MS = 10;
const LONGEST_MS = 250;
/** Share of the time that a job has run so far: on average half of this is lost. */
const SHARE = 0.02;

/** How long to wait before the next question about a job that has run for so long, ms. */
export function pollPauseMs(ranMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, SHARE * ranMs));
}
