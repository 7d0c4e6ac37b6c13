import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expectedMs, paced } from '../../../lib/core/pace.ts';
import type { Pace } from '../../../lib/core/pace.ts';

/** The pace after these durations, ms. */
function after(...durations: readonly number[]): Pace | undefined {
  return durations.reduce<Pace | undefined>(paced, undefined);
}

describe('the pace', () => {
  test('is unknown before anything has ended', () => {
    expect(expectedMs(after(), false)).toBeNull();
    expect(expectedMs(after(), true)).toBeNull();
  });

  test.each([
    [[1000], 1000],
    [[1000, 2000], 1300],
    [[1000, 2000, 2000], 1510],
    [[1000, 0], 700],
    [[0, 0], 0],
  ])('after %j is %j ms', (durations, ms) => {
    expect(expectedMs(after(...durations), false)).toBeCloseTo(ms, 9);
  });

  test('is sure from the third on', () => {
    expect(expectedMs(after(100), true)).toBeNull();
    expect(expectedMs(after(100, 100), true)).toBeNull();
    expect(expectedMs(after(100, 100, 100), true)).toBe(100);
  });
});

const durations = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 50 });

describe('whatever the durations,', () => {
  test('the pace lies between the shortest and the longest', () => {
    fc.assert(
      fc.property(durations, (all) => {
        const ms = expectedMs(after(...all), false);
        // A rounding error of the sums is allowed.
        expect(ms).toBeGreaterThanOrEqual(Math.min(...all) - 1e-3);
        expect(ms).toBeLessThanOrEqual(Math.max(...all) + 1e-3);
      }),
    );
  });

  test('a new one draws the pace to it, but not all the way', () => {
    fc.assert(
      fc.property(durations, fc.integer({ min: 0, max: 10_000_000 }), (all, newest) => {
        const before = expectedMs(after(...all), false) ?? Number.NaN;
        const now = expectedMs(after(...all, newest), false) ?? Number.NaN;
        if (Math.abs(newest - before) < 1e-3) return;
        expect(Math.sign(now - before)).toBe(Math.sign(newest - before));
        expect(Math.abs(newest - now)).toBeLessThan(Math.abs(newest - before));
      }),
    );
  });
});
