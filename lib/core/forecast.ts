import type { Work } from './gating.ts';
import { AT_ONCE, inTurn } from './pace.ts';
import type { Expected, Unknown } from './pace.ts';
import { rankOf } from './queue-order.ts';
import type { LaneHead } from './queue-order.ts';
import { RoomForecast } from './room-forecast.ts';
import type { ConsumerTimes } from './room-forecast.ts';

/** One that waits. */
export interface Waiter extends LaneHead {
  /** Its name in `QueueFacts.consumers`. */
  readonly consumer: string;
  readonly work: Work;
  readonly endsByHand: boolean;
  /** Work that did not come through us has to end before its turn, so that others go first. */
  readonly isHeld: boolean;
  /** For so long room has been made for it, ms; null: its turn has not come. */
  readonly admittedForMs: number | null;
}

/** One that runs. */
export interface Runner {
  /** Monotonic, ms. */
  readonly startedAt: number;
  readonly expected: Expected | Unknown;
}

/** The queue at one moment. Times monotonic, ms. */
export interface QueueFacts {
  readonly waiting: readonly Waiter[];
  readonly running: readonly Runner[];
  readonly consumers: ReadonlyMap<string, ConsumerTimes>;
  readonly concurrency: number;
  readonly now: number;
  readonly agingMs: number;
}

/** Where one stands. */
export interface Outlook {
  /** 1: the next. */
  readonly position: number;
  /** Until its turn comes and room is made for it. */
  readonly turn: Expected | Unknown;
  /** Until it is served. */
  readonly wait: Expected | Unknown;
}

/** Of what has overrun its time, at least this share of it is taken to be left. */
const LEAST_LEFT = 0.1;

/** When a place at the card is free. */
type FreeAt = Expected | Unknown;

/**
 * Where everybody stands, by sequence: in the order in which they would be served if nothing changed. It is a forecast, not a promise: who comes
 * with more urgency goes first, and one that must wait for its consumer is passed over.
 */
export function forecast({ waiting, running, consumers, concurrency, now, agingMs }: QueueFacts): ReadonlyMap<number, Outlook> {
  // Where more run than a lowered limit allows, the first to end make no place.
  const freeAt = running.map((each) => runnerLeft(each, now)).toSorted((a, b) => endOf(b) - endOf(a)).slice(0, concurrency);
  while (freeAt.length < concurrency) freeAt.push(AT_ONCE);
  const room = new RoomForecast(consumers);
  const outlooks = new Map<number, Outlook>();
  for (const [index, waiter] of inOrder(waiting, now, agingMs).entries()) {
    const slot = waiter.isHeld ? null : earliest(freeAt);
    const turn = slot === null ? 'held' : (freeAt[slot] ?? 'no history');
    const wait = slot === null ? turn : after(turn, left(room.take(waiter), waiter.admittedForMs ?? 0));
    outlooks.set(waiter.sequence, { position: index + 1, turn, wait });
    if (slot !== null) freeAt[slot] = after(wait, runOf(waiter, consumers));
  }
  return outlooks;
}

/** Nobody is served before one for whom room is being made. */
function inOrder(waiting: readonly Waiter[], now: number, agingMs: number): Waiter[] {
  const ranked = waiting.map((waiter) => ({ waiter, isAdmitted: waiter.admittedForMs === null ? 0 : 1, rank: rankOf(waiter, now, agingMs) }));
  const order = ranked.toSorted((a, b) => b.isAdmitted - a.isAdmitted || (a.rank === b.rank ? a.waiter.sequence - b.waiter.sequence : b.rank - a.rank));
  return order.map(({ waiter }) => waiter);
}

function runOf({ work, endsByHand, consumer }: Waiter, consumers: QueueFacts['consumers']): Expected | Unknown {
  if (work !== 'exchange') return AT_ONCE;
  return endsByHand ? 'lease by hand' : (consumers.get(consumer)?.run ?? 'no history');
}

function after(first: FreeAt, then: Expected | Unknown): FreeAt {
  if (typeof first === 'string') return first;
  return typeof then === 'string' ? then : inTurn(first, then);
}

function runnerLeft({ startedAt, expected }: Runner, now: number): FreeAt {
  return left(expected, now - startedAt);
}

function left(expected: Expected | Unknown, spentMs: number): FreeAt {
  if (typeof expected === 'string' || spentMs === 0) return expected;
  const ms = Math.max(LEAST_LEFT * expected.ms, expected.ms - spentMs);
  return { ms, lowMs: Math.max(0, Math.min(ms, expected.lowMs - spentMs)), highMs: Math.max(ms, expected.highMs - spentMs) };
}

function endOf(freeAt: FreeAt): number {
  return typeof freeAt === 'string' ? Number.MAX_VALUE : freeAt.ms;
}

/** The place that is free first. Of one that nobody can say it of, it may be that one. */
function earliest(freeAt: readonly FreeAt[]): number {
  let first = 0;
  for (const [index, each] of freeAt.entries()) {
    if (endOf(each) === 0) return index;
    if (isBefore(each, freeAt[first] ?? each)) first = index;
  }
  return first;
}

function isBefore(a: FreeAt, b: FreeAt): boolean {
  if (typeof b === 'string') return false;
  return typeof a === 'string' || a.ms < b.ms;
}

/** For people: `position 3, about 12 s`. */
export function describeOutlook({ position, wait }: Outlook): string {
  return `position ${position}${typeof wait === 'string' ? '' : `, about ${Math.max(1, Math.round(wait.ms / 1000))} s`}`;
}
