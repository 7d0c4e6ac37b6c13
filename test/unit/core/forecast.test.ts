import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeOutlook, forecast } from '../../../lib/core/forecast.ts';
import type { Outlook, QueueFacts, Runner, Waiter } from '../../../lib/core/forecast.ts';
import { chooseNext } from '../../../lib/core/queue-order.ts';

const AGING_MS = 30_000;
const NOW = 1_000_000;

/** How long each takes, and where it is more than that what sets it apart; they came in this order, just now. */
type Said = number | null | Partial<Waiter>;

/** Who waits, and what is otherwise than usual. */
interface Situation extends Partial<Omit<QueueFacts, 'waiting'>> {
  readonly waiting: readonly Said[];
}

function waitersOf(all: readonly Said[]): Waiter[] {
  return all.map((said, sequence) => {
    const facts = typeof said === 'object' && said !== null ? said : { expectedMs: said };
    return { priority: 2, enqueuedAt: NOW, sequence, expectedMs: 1000, ...facts };
  });
}

/** One that has run for so long, ms. */
function running(expectedMs: number | null, forMs = 0): Runner {
  return { startedAt: NOW - forMs, expectedMs };
}

/** Those who wait, in the order of their positions: when each gets its turn. */
function waits(waiting: readonly Said[], facts: Partial<QueueFacts> = {}): (number | null)[] {
  const outlooks = forecast({ waiting: waitersOf(waiting), running: [], concurrency: 1, now: NOW, agingMs: AGING_MS, ...facts });
  return inOrder(outlooks).map(([, { waitMs }]) => waitMs);
}

function order(...waiting: readonly Said[]): number[] {
  const outlooks = forecast({ waiting: waitersOf(waiting), running: [], concurrency: 1, now: NOW, agingMs: AGING_MS });
  return inOrder(outlooks).map(([sequence]) => sequence);
}

function inOrder(outlooks: ReadonlyMap<number, Outlook>): (readonly [number, Outlook])[] {
  return [...outlooks].toSorted(([, a], [, b]) => a.position - b.position);
}

test('where nobody waits nobody has an outlook', () => {
  expect(waits([], { running: [running(1000)] })).toEqual([]);
});

describe('the wait', () => {
  test.each<readonly [string, Situation, readonly (number | null)[]]>([
    ['at a free card is none for the first, then what those before take', { waiting: [1000, 300, 50] }, [0, 1000, 1300]],
    ['behind one that runs is what is left of it', { waiting: [300, 50], running: [running(1000, 400)] }, [600, 900]],
    ['behind one that has overrun its time is a tenth of that time', { waiting: [300, 50], running: [running(1000, 5000)] }, [100, 400]],
    ['behind one of which nothing is known is unknown', { waiting: [300, 50], running: [running(null, 5)] }, [null, null]],
    ['of one of which nothing is known is known, and that of all behind it is not', { waiting: [300, null, 50, 50] }, [0, 300, null, null]],
    ['at two places is until the first of them is free', { waiting: [1000, 300, 50, 10], concurrency: 2 }, [0, 0, 300, 350]],
    ['is none at a free place beside one of which nothing is known', { waiting: [300, 50], running: [running(null)], concurrency: 2 }, [0, null]],
    ['is unknown where the place of which nothing is known may be the first', { waiting: [300], running: [running(null), running(10)], concurrency: 2 }, [null]],
    ['takes both places into account', { waiting: [300, 50, 50], running: [running(500), running(100)], concurrency: 2 }, [100, 400, 450]],
    ['lasts until fewer run than a lowered limit allows', { waiting: [300, 50], running: [running(500), running(100), running(200)], concurrency: 1 }, [500, 800]],
    ['is unknown while one of too many that run is', { waiting: [300], running: [running(500), running(null)], concurrency: 1 }, [null]],
  ])('%s', (_name, { waiting, ...facts }, expected) => {
    expect(waits(waiting, facts)).toEqual(expected);
  });
});

describe('the order', () => {
  test('is that of arrival among equals', () => {
    expect(order(10, 10, 10)).toEqual([0, 1, 2]);
    expect(order({ sequence: 7 }, { sequence: 3 }, { sequence: 5 })).toEqual([3, 5, 7]);
  });
  test('begins with the most urgent, and who works by hand comes before all', () => {
    const byHand = { priority: Number.POSITIVE_INFINITY };
    expect(order({ priority: 0 }, { priority: 4 }, { priority: 2 }, byHand, byHand)).toEqual([3, 4, 1, 2, 0]);
  });
  test('counts one step of urgency for each time of aging', () => {
    expect(order({ enqueuedAt: NOW - AGING_MS + 1 }, { priority: 3 })).toEqual([1, 0]);
    expect(order({ enqueuedAt: NOW - AGING_MS }, { priority: 3 })).toEqual([0, 1]);
  });
});

const ms = fc.option(fc.integer({ min: 0, max: 100_000 }));
const priority = fc.constantFrom(0, 1, 2, 3, 4, Number.POSITIVE_INFINITY);
const waitingOf = (expectedMs: fc.Arbitrary<number | null>) =>
  fc.array(fc.record({ priority, enqueuedAt: fc.integer({ min: NOW - 5 * AGING_MS, max: NOW }), expectedMs }), { maxLength: 12 }).map(waitersOf);
const runningOf = (expectedMs: fc.Arbitrary<number | null>) =>
  fc.array(fc.record({ startedAt: fc.integer({ min: NOW - 200_000, max: NOW }), expectedMs }), { maxLength: 4 });
const queueOf = (expectedMs: fc.Arbitrary<number | null>) =>
  fc
    .record({ waiting: waitingOf(expectedMs), running: runningOf(expectedMs), concurrency: fc.integer({ min: 1, max: 4 }) })
    .map((facts): QueueFacts => ({ ...facts, now: NOW, agingMs: AGING_MS }));
const queue = queueOf(ms);

describe('whatever waits and runs,', () => {
  test('the positions are 1 to n, and everybody has one', () => {
    fc.assert(
      fc.property(queue, (facts) => {
        const outlooks = forecast(facts);
        expect([...outlooks.keys()].toSorted((a, b) => a - b)).toEqual(facts.waiting.map(({ sequence }) => sequence));
        expect(inOrder(outlooks).map(([, { position }]) => position)).toEqual(facts.waiting.map((_, index) => index + 1));
      }),
    );
  });

  test('the order is that in which the gate would choose them one after the other', () => {
    fc.assert(
      fc.property(queue, (facts) => {
        const left = new Set(facts.waiting);
        const chosen: number[] = [];
        for (let next = chooseNext(left, NOW, AGING_MS); next !== null; next = chooseNext(left, NOW, AGING_MS)) {
          left.delete(next);
          chosen.push(next.sequence);
        }
        expect(inOrder(forecast(facts)).map(([sequence]) => sequence)).toEqual(chosen);
      }),
    );
  });

  test('no wait is shorter than that of the one before, and behind an unknown one none is known', () => {
    fc.assert(
      fc.property(queue, (facts) => {
        const known = inOrder(forecast(facts)).map(([, { waitMs }]) => waitMs ?? Number.POSITIVE_INFINITY);
        expect(known).toEqual(known.toSorted((a, b) => a - b));
      }),
    );
  });

  test('a further place makes nobody wait longer', () => {
    fc.assert(
      fc.property(queueOf(fc.integer({ min: 0, max: 100_000 })), (facts) => {
        const more = forecast({ ...facts, concurrency: facts.concurrency + 1 });
        for (const [sequence, { waitMs }] of forecast(facts)) expect(more.get(sequence)?.waitMs).toBeLessThanOrEqual(waitMs ?? Number.NaN);
      }),
    );
  });
});

test.each([
  [{ position: 3, waitMs: 12_400 }, 'position 3, about 12 s'],
  [{ position: 1, waitMs: 1500 }, 'position 1, about 2 s'],
  [{ position: 1, waitMs: 0 }, 'position 1, about 1 s'],
  [{ position: 2, waitMs: null }, 'position 2'],
])('%j is told as %j', (outlook, text) => {
  expect(describeOutlook(outlook)).toBe(text);
});
