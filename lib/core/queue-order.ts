/** The oldest waiting request of one lane. Times monotonic, ms. */
export interface LaneHead {
  /** 4 urgent … 0 low; a request by hand comes before all of them. */
  readonly priority: number;
  readonly enqueuedAt: number;
  /** Order of arrival; never equal. */
  readonly sequence: number;
}

/**
 * Which lane is served next: priority plus one for each `agingMs` waited, then first come first served.
 * In a lane all have one priority, so its oldest is its best and only heads need comparing.
 * Returns null if there is no head.
 */
export function chooseNext<T extends LaneHead>(heads: Iterable<T>, now: number, agingMs: number): T | null {
  let best: T | null = null;
  let bestRank = Number.NEGATIVE_INFINITY;
  for (const head of heads) {
    const rank = head.priority + Math.floor((now - head.enqueuedAt) / agingMs);
    if (best === null || rank > bestRank || (rank === bestRank && head.sequence < best.sequence)) {
      best = head;
      bestRank = rank;
    }
  }
  return best;
}
