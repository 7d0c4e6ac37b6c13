import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Work } from '../../../lib/core/gating.ts';
import { Lanes } from '../../../lib/gpu/lanes.ts';
import { cases } from '../../support/cases.ts';
import { ticketOf } from '../../support/tickets.ts';

const AGING_MS = 1000;

/** What happens to the lanes. Indexes count the waiting ones, wrapped around. */
type Op =
  | { readonly type: 'add'; readonly serial: number; readonly priority: number; readonly work: Work }
  | { readonly type: 'cancel'; readonly index: number }
  | { readonly type: 'take' }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'block'; readonly serial: number }
  | { readonly type: 'close' };

const serial = fc.constantFrom(1, 1, 1, 2, 3);
const work = fc.constantFrom<Work>('exchange', 'exchange', 'exchange', 'exchange', 'exchange', 'exchange', 'load', 'unload');
/** Mostly the same, so that some lanes are long. */
const priority = fc.constantFrom(2, 2, 2, 2, 0, 1, 3, 4);
const add = fc.record({ type: fc.constant('add' as const), serial, priority, work });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: add },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cancel' as const), index: fc.nat({ max: 20 }) }) },
  { weight: 4, arbitrary: fc.constant({ type: 'take' as const }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3 * AGING_MS }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('block' as const), serial }) },
  { weight: 1, arbitrary: fc.constant({ type: 'close' as const }) },
);

/** One who waits, as the model knows it. */
interface Waiting {
  readonly sequence: number;
  readonly serial: number;
  readonly priority: number;
  readonly enqueuedAt: number;
}

/** The lanes and, beside them, a plain array of those who wait. Every step is done to both. */
class Bench {
  now = 0;
  isOpen = true;
  readonly blocked = new Set<number>();
  waiting: Waiting[] = [];
  /** Whom `takeNext` started, newest last. */
  readonly started: number[] = [];
  readonly lanes = new Lanes({
    isOpen: () => this.isOpen,
    isAdmissible: ({ request }) => !this.blocked.has(request.consumer.serial),
    now: () => this.now,
    agingMs: () => AGING_MS,
  });
  #sequence = 0;

  add({ serial: consumer, priority, work: kind }: Omit<Extract<Op, { type: 'add' }>, 'type'>): void {
    const ticket = ticketOf({ sequence: this.#sequence++, serial: consumer, priority, work: kind, enqueuedAt: this.now });
    const rank = kind === 'exchange' ? priority : Number.POSITIVE_INFINITY;
    this.waiting.push({ sequence: ticket.sequence, serial: consumer, priority: rank, enqueuedAt: this.now });
    this.lanes.add(ticket, async () => this.started.push(ticket.sequence));
  }

  cancel(index: number): void {
    const gone = this.waiting[index % Math.max(1, this.waiting.length)];
    const ticket = gone === undefined ? null : this.lanes.find(gone.sequence);
    if (ticket !== null) this.lanes.remove(ticket);
    this.waiting = this.waiting.filter((each) => each !== gone);
  }

  /** Takes from the lanes; returns who the model says was due, null for nobody. */
  take(): Waiting | null {
    const due = this.due();
    void this.lanes.takeNext()?.();
    this.waiting = this.waiting.filter((each) => each !== due);
    return due;
  }

  /** The rule in words: the highest of priority plus one per aging waited, then who came first. */
  due(): Waiting | null {
    if (!this.isOpen) return null;
    const rankOf = (each: Waiting): number => each.priority + Math.floor((this.now - each.enqueuedAt) / AGING_MS);
    const admissible = this.waiting.filter((each) => !this.blocked.has(each.serial));
    return admissible.reduce<Waiting | null>((best, each) => (best === null || rankOf(each) > rankOf(best) ? each : best), null);
  }

  do(step: Op): void {
    if (step.type === 'add') this.add(step);
    else if (step.type === 'cancel') this.cancel(step.index);
    else if (step.type === 'pass') this.now += step.ms;
    else if (step.type === 'close') this.isOpen = !this.isOpen;
    else if (step.type === 'block') {
      if (!this.blocked.delete(step.serial)) this.blocked.add(step.serial);
    } else this.take();
  }
}

describe('whatever happens', () => {
  test('the lanes serve whom a plain array would serve, and forget nobody', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60, size: 'max' }), (steps) => {
        const bench = new Bench();
        for (const step of steps) {
          if (step.type === 'take') {
            const before = bench.started.length;
            const due = bench.take();
            expect(bench.started.slice(before)).toEqual(due === null ? [] : [due.sequence]);
          } else {
            bench.do(step);
          }
          expect(bench.lanes.next()?.sequence ?? null).toBe(bench.due()?.sequence ?? null);
          expect(bench.lanes.tickets().map(({ sequence }) => sequence)).toEqual(bench.waiting.map(({ sequence }) => sequence));
          expect(bench.lanes.oldestEnqueuedAt()).toBe(bench.waiting[0]?.enqueuedAt ?? null);
        }
      }),
      { numRuns: cases(300) },
    );
  });

  test('in the end everybody is served once, unless cancelled', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60, size: 'max' }), (steps) => {
        const bench = new Bench();
        for (const step of steps) bench.do(step);
        bench.isOpen = true;
        bench.blocked.clear();
        const expected = [...bench.started, ...bench.waiting.map(({ sequence }) => sequence)].toSorted((a, b) => a - b);
        for (let run = bench.lanes.takeNext(); run !== undefined; run = bench.lanes.takeNext()) void run();
        expect(bench.started.toSorted((a, b) => a - b)).toEqual(expected);
        expect(bench.lanes.tickets()).toEqual([]);
      }),
    );
  });
});

describe('nobody starves', () => {
  test('a request is never overtaken by one that came more than their difference in steps later', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 80, size: 'max' }), (steps) => {
        const bench = new Bench();
        for (const step of steps) {
          const before = bench.waiting;
          const served = step.type === 'take' ? bench.take() : null;
          if (step.type !== 'take') bench.do(step);
          if (served === null) continue;
          for (const passed of before.filter((each) => !bench.blocked.has(each.serial) && each.sequence < served.sequence)) {
            const stepsLater = (served.enqueuedAt - passed.enqueuedAt) / AGING_MS;
            expect(stepsLater).toBeLessThan(served.priority - passed.priority);
          }
        }
      }),
      { numRuns: cases(300) },
    );
  });

  test.each([
    [0, 4],
    [1, 4],
    [2, 4],
    [0, 1],
  ])('under an endless flood one of priority %i waits for a bounded number of later ones of priority %i', (low, high) => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: AGING_MS }), (everyMs) => {
        const bench = new Bench();
        bench.add({ serial: 1, priority: low, work: 'exchange' });
        let overtakers = 0;
        // As many come as are served, for ever: the card is never idle.
        while (bench.waiting.some(({ sequence }) => sequence === 0)) {
          bench.add({ serial: 2, priority: high, work: 'exchange' });
          bench.add({ serial: 3, priority: high, work: 'exchange' });
          if (bench.take()?.sequence !== 0) overtakers += 1;
          bench.now += everyMs;
        }
        expect(overtakers).toBeLessThanOrEqual(2 * Math.ceil(((high - low) * AGING_MS) / everyMs));
      }),
      { numRuns: cases(100) },
    );
  });
});
