import { describe, expect, test } from '@jest/globals';
import { consumerDown } from '../../../lib/core/admissible.ts';
import type { Health, Residency } from '../../../lib/core/model.ts';

const DOWN: Health = { state: 'unhealthy', error: 'connection refused' };

interface Case {
  readonly health?: Health;
  readonly residency?: Residency;
  readonly canLoad?: boolean;
  readonly probeIntervalMs?: number;
}

function refusal({ health = DOWN, residency = 'resident', canLoad = false, probeIntervalMs = 5000 }: Case): ReturnType<typeof consumerDown> {
  return consumerDown({ consumer: { name: 'tts', health, residency, canLoad }, probeIntervalMs });
}

test('a consumer whose last probe failed is refused with the error of that probe', () => {
  expect(refusal({})).toEqual({ message: 'tts is down: connection refused', retryAfterS: 5 });
});

test.each(['healthy', 'unknown'] as const)('an %s consumer is let in', (state) => {
  expect(refusal({ health: { state } })).toBeNull();
});

describe('an unhealthy consumer with a load hook', () => {
  test.each(['absent', 'loading', 'unloading'] as const)('is let in while it is %s: a stopped unit answers no probe', (residency) => {
    expect(refusal({ canLoad: true, residency })).toBeNull();
  });
  test.each(['resident', 'unknown'] as const)('is refused while it is %s', (residency) => {
    expect(refusal({ canLoad: true, residency })).not.toBeNull();
  });
});

test('an unhealthy consumer that nobody can load is refused also when it is absent', () => {
  expect(refusal({ residency: 'absent' })).not.toBeNull();
});

test.each([
  [100, 1],
  [1500, 2],
  [600_000, 60],
])('with a probe every %i ms it is to be asked again after %i s', (probeIntervalMs, retryAfterS) => {
  expect(refusal({ probeIntervalMs })).toMatchObject({ retryAfterS });
});
