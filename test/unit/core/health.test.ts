import { describe, expect, test } from '@jest/globals';
import { UNPROBED, nextHealth } from '../../../lib/core/health.ts';
import type { HealthRecord, ProbeOutcome } from '../../../lib/core/health.ts';

const GOOD: ProbeOutcome = { type: 'good', report: { loaded: null, usedMib: null } };
const BAD: ProbeOutcome = { type: 'bad', error: 'GET /health answered 500' };
const REFUSED: ProbeOutcome = { type: 'refused', error: 'connection refused' };
const TIMEOUT: ProbeOutcome = { type: 'timeout', error: 'no answer within 2000 ms' };
const UNHEARD: ProbeOutcome = { type: 'unheard', error: 'the broker was held up' };
const OUTCOMES = { good: GOOD, bad: BAD, refused: REFUSED, timeout: TIMEOUT, unheard: UNHEARD };

/** The states that a consumer goes through, one for each probe. `busy` probes end while it has running work. */
function states(...probes: readonly (keyof typeof OUTCOMES | 'busy timeout')[]): string[] {
  let record: HealthRecord = UNPROBED;
  return probes.map((probe) => {
    const isBusy = probe === 'busy timeout';
    record = nextHealth(record, OUTCOMES[isBusy ? 'timeout' : probe], isBusy);
    return record.health.state;
  });
}

test('a consumer that has not been probed is neither healthy nor unhealthy', () => {
  expect(UNPROBED.health).toEqual({ state: 'unknown' });
});

describe('after its probes a consumer is', () => {
  test.each([
    [['good'], ['healthy']],
    [['bad'], ['unhealthy']],
    [['refused'], ['unhealthy']],
    [['good', 'bad'], ['healthy', 'unhealthy']],
    [['bad', 'good'], ['unhealthy', 'healthy']],
    [['refused', 'good'], ['unhealthy', 'healthy']],
    [['timeout'], ['unknown']],
    [['timeout', 'timeout'], ['unknown', 'unhealthy']],
    [['good', 'timeout'], ['healthy', 'healthy']],
    [['good', 'timeout', 'timeout'], ['healthy', 'healthy', 'unhealthy']],
    [['good', 'timeout', 'timeout', 'timeout'], ['healthy', 'healthy', 'unhealthy', 'unhealthy']],
    [['good', 'timeout', 'timeout', 'good'], ['healthy', 'healthy', 'unhealthy', 'healthy']],
    [['good', 'timeout', 'good', 'timeout'], ['healthy', 'healthy', 'healthy', 'healthy']],
    [['timeout', 'bad', 'good', 'timeout'], ['unknown', 'unhealthy', 'healthy', 'healthy']],
    [['unheard', 'unheard', 'unheard'], ['unknown', 'unknown', 'unknown']],
    [['good', 'timeout', 'unheard', 'timeout'], ['healthy', 'healthy', 'healthy', 'unhealthy']],
    [['bad', 'unheard'], ['unhealthy', 'unhealthy']],
    [['timeout', 'refused', 'timeout'], ['unknown', 'unhealthy', 'unhealthy']],
  ] as const)('%j: %j', (probes, expected) => {
    expect(states(...probes)).toEqual(expected);
  });
});

describe('a timeout while it has running work', () => {
  test('says nothing, however often', () => {
    expect(states('good', 'busy timeout', 'busy timeout', 'busy timeout')).toEqual(['healthy', 'healthy', 'healthy', 'healthy']);
  });
  test('neither counts as one of two in a row nor comes between them', () => {
    expect(states('good', 'timeout', 'busy timeout')).toEqual(['healthy', 'healthy', 'healthy']);
    expect(states('good', 'timeout', 'busy timeout', 'timeout')).toEqual(['healthy', 'healthy', 'healthy', 'unhealthy']);
  });
  test('does not heal', () => {
    expect(states('bad', 'busy timeout')).toEqual(['unhealthy', 'unhealthy']);
  });
});

test.each([
  ['bad', BAD],
  ['refused', REFUSED],
] as const)('running work does not excuse a %s answer', (_name, outcome) => {
  expect(nextHealth({ health: { state: 'healthy' }, timeoutsInRow: 0 }, outcome, true).health.state).toBe('unhealthy');
});

test('the reason of the last failed probe is kept', () => {
  expect(nextHealth(UNPROBED, BAD, false).health).toEqual({ state: 'unhealthy', error: 'GET /health answered 500' });
  const late = nextHealth(nextHealth(UNPROBED, TIMEOUT, false), TIMEOUT, false);
  expect(late.health).toEqual({ state: 'unhealthy', error: 'no answer within 2000 ms' });
});

test('a first timeout after another failure keeps that failure as the reason', () => {
  const record = nextHealth(nextHealth(UNPROBED, REFUSED, false), TIMEOUT, false);
  expect(record.health).toEqual({ state: 'unhealthy', error: 'connection refused' });
});

test('timeouts with another failure between them are not two in a row', () => {
  const record = nextHealth(nextHealth(nextHealth(UNPROBED, TIMEOUT, false), BAD, false), TIMEOUT, false);
  expect(record.health).toEqual({ state: 'unhealthy', error: 'GET /health answered 500' });
});
