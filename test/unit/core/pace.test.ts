import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AT_ONCE, expected, inTurn, paced } from '../../../lib/core/pace.ts';
import type { Expected, Pace } from '../../../lib/core/pace.ts';

/** The pace after these durations, ms. */
function after(...durations: readonly number[]): Pace | undefined {
  return durations.reduce<Pace | undefined>(paced, undefined);
}

const said = (...durations: readonly number[]): Expected | null => expected(after(...durations), false);

describe('what something is expected to take', () => {
  test('is unknown before it has ended once', () => {
    expect([said(), expected(after(), true), expected([], false)]).toEqual([null, null, null]);
  });

  test.each<[readonly number[], readonly [number, number, number]]>([
    [[1000], [1000, 500, 2000]],
    [[1000, 2000], [1500, 750, 3000]],
    [[100, 200, 90_000], [200, 140, 54_080]],
    [[90_000, 100, 200, 300, 1], [200, 80.2, 18_240]],
    [[100, 100, 100, 100], [100, 100, 100]],
    [[0, 0], [0, 0, 0]],
    [[1, 90, 100, 100, 100, 100, 100, 100, 2000, 9000], [100, 98, 480]],
  ])('after %j is so many ms, from and to: %j', (durations, [ms, lowMs, highMs]) => {
    expect(said(...durations)).toEqual({ ms: expect.closeTo(ms, 6), lowMs: expect.closeTo(lowMs, 6), highMs: expect.closeTo(highMs, 6) });
  });

  test('is sure from the third on', () => {
    expect([expected(after(100, 100), true), expected(after(100, 100, 100), true)?.ms]).toEqual([null, 100]);
  });

  test('forgets all but the last 32', () => {
    const pace = after(...Array.from({ length: 100 }, (_, index) => index));
    expect(pace).toEqual(Array.from({ length: 32 }, (_, index) => 68 + index));
  });
});

test('of two one after the other the times add, and the spreads as squares', () => {
  expect(inTurn({ ms: 100, lowMs: 70, highMs: 130 }, { ms: 200, lowMs: 160, highMs: 240 })).toEqual({ ms: 300, lowMs: 250, highMs: 350 });
  expect(inTurn(AT_ONCE, { ms: 5, lowMs: 4, highMs: 7 })).toEqual({ ms: 5, lowMs: 4, highMs: 7 });
});

const durations = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 3, maxLength: 50 });

describe('whatever the durations,', () => {
  test('the range is around the estimate, and within what was measured', () => {
    fc.assert(
      fc.property(durations, (all) => {
        const { ms = Number.NaN, lowMs = Number.NaN, highMs = Number.NaN } = said(...all) ?? {};
        const kept = all.slice(-32);
        // A rounding error of the sums is allowed.
        expect(lowMs).toBeLessThanOrEqual(ms);
        expect(highMs).toBeGreaterThanOrEqual(ms);
        expect(lowMs).toBeGreaterThanOrEqual(Math.min(...kept) - 1e-3);
        expect(highMs).toBeLessThanOrEqual(Math.max(...kept) + 1e-3);
      }),
    );
  });

  test('one that is far off among many does not count', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 2, max: 31 }), fc.integer({ min: 0, max: 31 }), (usual, count, place) => {
        const all = Array.from({ length: count }, () => usual);
        all.splice(Math.min(place, count), 0, 10_000_000);
        expect(said(...all)?.ms).toBeCloseTo(usual, 6);
      }),
    );
  });
});
