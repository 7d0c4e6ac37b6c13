/** Bounds of `Retry-After` in seconds: OpenAI's and Anthropic's clients ignore anything over 60. */
const SHORTEST_S = 1;
const LONGEST_S = 60;

/** Seconds after which a retry has a chance: what is ahead in the queue, at the pace of the last job. */
export function retryAfterS(depth: number, lastRunMs: number | null): number {
  return clampS(((lastRunMs ?? 0) * depth) / 1000);
}

/** Whole seconds within the bounds that clients obey. */
export function clampS(seconds: number): number {
  return Math.min(LONGEST_S, Math.max(SHORTEST_S, Math.ceil(seconds)));
}
