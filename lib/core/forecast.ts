import { rankOf } from './queue-order.ts';
import type { LaneHead } from './queue-order.ts';

/** One that waits. */
export interface Waiter extends LaneHead {
  /** How long its consumer's requests take, making room included, ms; null: none has ended yet. */
  readonly expectedMs: number | null;
}

/** One that runs. */
export interface Runner {
  /** Monotonic, ms. */
  readonly startedAt: number;
  readonly expectedMs: number | null;
}

/** The queue at one moment. Times monotonic, ms. */
export interface QueueFacts {
  readonly waiting: readonly Waiter[];
  readonly running: readonly Runner[];
  readonly concurrency: number;
  readonly now: number;
  readonly agingMs: number;
}

/** Where one stands. */
export interface Outlook {
  /** 1: the next. */
  readonly position: number;
  /** Until it is served, ms; null: nobody knows how long those before it take. */
  readonly waitMs: number | null;
}

/** Of what has overrun its time, at least this share of it is taken to be left. */
const LEAST_LEFT = 0.1;

/**
 * Where everybody stands, by sequence: in the order in which they would be served if nothing changed. It is a forecast, not a promise: who comes
 * with more urgency goes first, and one that must wait for its consumer is passed over.
 */
export function forecast({ waiting, running, concurrency, now, agingMs }: QueueFacts): ReadonlyMap<number, Outlook> {
  // Where more run than a lowered limit allows, the first to end make no place.
  const freeAt = running.map((each) => leftMs(each, now)).toSorted((a, b) => (b ?? Infinity) - (a ?? Infinity)).slice(0, concurrency);
  while (freeAt.length < concurrency) freeAt.push(0);
  const ranked = waiting.map((waiter) => ({ waiter, rank: rankOf(waiter, now, agingMs) }));
  const order = ranked.toSorted((a, b) => b.rank - a.rank || a.waiter.sequence - b.waiter.sequence);
  const outlooks = new Map<number, Outlook>();
  for (const [index, { waiter }] of order.entries()) {
    const slot = earliest(freeAt);
    const waitMs = slot === null ? null : (freeAt[slot] ?? null);
    outlooks.set(waiter.sequence, { position: index + 1, waitMs });
    if (slot !== null) freeAt[slot] = waitMs === null || waiter.expectedMs === null ? null : waitMs + waiter.expectedMs;
  }
  return outlooks;
}

function leftMs({ startedAt, expectedMs }: Runner, now: number): number | null {
  return expectedMs === null ? null : Math.max(LEAST_LEFT * expectedMs, expectedMs - (now - startedAt));
}

/** The slot that is free first; null: of one nobody knows when it is, and it may be that one. */
function earliest(freeAt: readonly (number | null)[]): number | null {
  const idle = freeAt.indexOf(0);
  if (idle !== -1) return idle;
  const known = freeAt.filter((at) => at !== null);
  return known.length < freeAt.length ? null : freeAt.indexOf(Math.min(...known));
}

/** For people: `position 3, about 12 s`. */
export function describeOutlook({ position, waitMs }: Outlook): string {
  return `position ${position}${waitMs === null ? '' : `, about ${Math.max(1, Math.round(waitMs / 1000))} s`}`;
}
