import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clampS, retryAfterS } from '../../../lib/core/retry-after.ts';

test.each([
  [0, null, 1],
  [0, 1000, 1],
  [3, null, 1],
  [3, 200, 1],
  [3, 1000, 3],
  [3, 1001, 4],
  [10, 6000, 60],
  [256, 60_000, 60],
])('with %i waiting and a last job of %j ms a client is told to wait %i s', (depth, lastRunMs, seconds) => {
  expect(retryAfterS(depth, lastRunMs)).toBe(seconds);
});

test('it is always a whole number of seconds that clients obey', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (seconds) => {
      const clamped = clampS(seconds);
      expect(Number.isInteger(clamped) && clamped >= 1 && clamped <= 60).toBe(true);
    }),
  );
});
