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
    const rank = rankOf(head, now, agingMs);
    if (best === null || rank > bestRank || (rank === bestRank && head.sequence < best.sequence)) {
      best = head;
      bestRank = rank;
    }
  }
  return best;
}

/** Priority plus one for each `agingMs` waited. */
export function rankOf({ priority, enqueuedAt }: LaneHead, now: number, agingMs: number): number {
  return priority + Math.floor((now - enqueuedAt) / agingMs);
}
