import { describe, expect, test } from '@jest/globals';
import { planFor } from '../../../lib/core/plan.ts';
import { consumerUnloaded, unloadingLabel } from '../../../lib/core/unloading-events.ts';
import type { Unloading } from '../../../lib/core/unloading-events.ts';
import { absent, snapshotOf } from '../../support/snapshots.ts';

const PLAN = planFor('b', snapshotOf([absent({ name: 'b' })]));
const BY_HAND: Unloading = { consumer: 'a', plan: null, request: { id: '7' }, expectedMib: 1200.4 };
const LABEL = unloadingLabel(BY_HAND);

describe('an unloading', () => {
  test('by hand is for nobody, and says what it is expected to free', () => {
    expect(LABEL).toEqual({ consumer: 'a', for: null, request: '7', reason: 'hand', explanation: null, expected_mib: 1200 });
  });

  test.each(['idle', 'reload'] as const)('by the broker itself says why: %s', (cause) => {
    expect(unloadingLabel({ ...BY_HAND, request: { id: cause, cause } }).reason).toBe(cause);
  });

  test('for another consumer says for which, with the plan in words', () => {
    expect(unloadingLabel({ ...BY_HAND, plan: PLAN })).toEqual({ ...LABEL, for: 'b', reason: 'room', explanation: PLAN.reason });
  });

  test('of which nothing can be expected says null, not zero', () => {
    expect(unloadingLabel({ ...BY_HAND, expectedMib: 0 }).expected_mib).toBeNull();
  });
});

describe('the end of an unloading', () => {
  test('that freed memory says how much and how long it took, and has no error', () => {
    const unloaded = consumerUnloaded(LABEL, { isFreed: true, freedMib: 900.6, hookMs: 12.34, settleMs: 0, error: 'of no account' });
    expect(unloaded).toEqual({ type: 'unloaded', ...LABEL, result: 'freed', freed_mib: 901, hook_ms: 12.3, settle_ms: 0, error: null });
  });

  test('whose hook failed says why', () => {
    const unloaded = consumerUnloaded(LABEL, { isFreed: false, freedMib: null, error: 'no answer' });
    expect(unloaded).toEqual({ type: 'unloaded', ...LABEL, result: 'failed', freed_mib: null, hook_ms: null, settle_ms: null, error: 'no answer' });
  });

  test('that freed nothing in time says so', () => {
    expect(consumerUnloaded(LABEL, { isFreed: false, freedMib: 0, hookMs: 5 })).toMatchObject({ freed_mib: 0, error: 'its memory was not seen free in time' });
  });
});
