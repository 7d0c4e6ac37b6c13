import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseNext, rankOf } from '../../../lib/core/queue-order.ts';
import type { LaneHead } from '../../../lib/core/queue-order.ts';

const AGING_MS = 30_000;
const NOW = 1_000_000;

/** A priority, and for how long it has waited in ms. */
type Waiting = readonly [priority: number, waitedMs: number];

/** Those who wait, in order of arrival. */
function heads(...waiting: readonly Waiting[]): LaneHead[] {
  return waiting.map(([priority, waitedMs], sequence) => ({ priority, enqueuedAt: NOW - waitedMs, sequence }));
}

function chosen(...waiting: readonly Waiting[]): number | undefined {
  return chooseNext(heads(...waiting), NOW, AGING_MS)?.sequence;
}

test('nobody is chosen where nobody waits', () => {
  expect(chooseNext([], NOW, AGING_MS)).toBeNull();
});

describe('is served next:', () => {
  test('the one with the highest priority', () => {
    expect(chosen([2, 0], [4, 0], [0, 0])).toBe(1);
  });
  test('of equal priority the one that came first', () => {
    expect(chosen([2, 100], [2, 50], [2, 0])).toBe(0);
  });
  test('who came later but is more urgent, just before the earlier one has gained a step', () => {
    expect(chosen([2, AGING_MS - 1], [3, 0])).toBe(1);
  });
  test('who came earlier, once it has gained the step', () => {
    expect(chosen([2, AGING_MS], [3, 0])).toBe(0);
  });
  test('of those whom whole steps have made equal the one that came first', () => {
    expect(chosen([2, AGING_MS + 1000], [3, 5000])).toBe(0);
  });
  test('the least urgent of all after four steps', () => {
    expect(chosen([0, 4 * AGING_MS], [4, 0])).toBe(0);
    expect(chosen([0, 4 * AGING_MS - 1], [4, 0])).toBe(1);
  });
  test('a request by hand, whoever has waited for however long', () => {
    expect(chosen([4, 999 * AGING_MS], [Number.POSITIVE_INFINITY, 0])).toBe(1);
  });
  test('of two requests by hand the one that came first', () => {
    expect(chosen([Number.POSITIVE_INFINITY, 0], [Number.POSITIVE_INFINITY, 0])).toBe(0);
  });
});

describe('the rank', () => {
  test.each([
    [[2, 0], 2],
    [[2, AGING_MS - 1], 2],
    [[2, AGING_MS], 3],
    [[0, 10 * AGING_MS + 1], 10],
    [[Number.POSITIVE_INFINITY, 0], Number.POSITIVE_INFINITY],
  ] as const)('of priority and wait %j is %j', (waiting, rank) => {
    expect(heads(waiting).map((head) => rankOf(head, NOW, AGING_MS))).toEqual([rank]);
  });

  test('of who is chosen is exceeded by nobody', () => {
    const waiting = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 10 * AGING_MS })), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(waiting, (all) => {
        const ranks = heads(...all).map((head) => rankOf(head, NOW, AGING_MS));
        expect(ranks[chosen(...all) ?? -1]).toBe(Math.max(...ranks));
      }),
    );
  });
});

test('the choice does not depend on the order in which the waiting are looked at', () => {
  const waiting = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 10 * AGING_MS }));
  const arrival = fc.array(waiting, { minLength: 1, maxLength: 20 }).map((all) => heads(...all.toSorted(([, a], [, b]) => b - a)));
  const shuffled = arrival.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
  fc.assert(fc.property(shuffled, ([all, mixed]) => expect(chooseNext(mixed, NOW, AGING_MS)).toBe(chooseNext(all, NOW, AGING_MS))));
});
