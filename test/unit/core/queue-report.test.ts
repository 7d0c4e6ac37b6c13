import { describe, expect, test } from '@jest/globals';
import { queueReport } from '../../../lib/core/queue-report.ts';
import type { QueuedFacts, QueueFacts, WaitingFacts } from '../../../lib/core/queue-report.ts';

/** Monotonic, ms; the wall clock says 04:05:06 at this moment. */
const NOW = 100_000;
const EMPTY: QueueFacts = { time: new Date('2026-02-03T04:05:06.000Z'), now: NOW, running: [], waiting: [], waitingTotal: 0, paused: null };
const QUEUED: QueuedFacts = { id: 'q-1', request: { id: 'r-1', work: 'exchange', kind: 'tts', model: 'voice', client: 'key one', consumer: { name: 'a' } }, since: NOW - 2000.4 };
const LABEL = { id: 'q-1', request_id: 'r-1', kind: 'tts', consumer: 'a', model: 'voice', client: 'key one', since: '2026-02-03T04:05:03.999Z' };
const WAITING: WaitingFacts = {
  ...QUEUED,
  outlook: { position: 3, turn: { ms: 0, lowMs: 0, highMs: 0 }, wait: { ms: 1500.4, lowMs: 1000.6, highMs: 2000.4 } },
  isAdmitted: false,
  willEvict: [{ consumer: 'b', freesMib: 900.6 }],
  heldBy: ['c'],
};

test('an empty queue has all its members', () => {
  expect(queueReport(EMPTY)).toEqual({ schema_version: 1, time: '2026-02-03T04:05:06.000Z', running: [], waiting: [], waiting_total: 0, paused: null });
});

test('a pause is shown with since when and by whom it is', () => {
  const paused = { since: new Date('2026-02-03T04:00:00.000Z'), by: 'me' };
  expect(queueReport({ ...EMPTY, paused })['paused']).toEqual({ since: '2026-02-03T04:00:00.000Z', by: 'me' });
});

describe('one that runs', () => {
  test('is shown with how long it has, and about how long it will in all', () => {
    const running = [{ ...QUEUED, expected: { ms: 4000.4, lowMs: 1, highMs: 9000 } }];
    expect(queueReport({ ...EMPTY, running })['running']).toEqual([{ ...LABEL, run_ms: 2000, expected_ms: 4000 }]);
  });

  test('has no expected time where nobody knows it, and is called by its work where it is of no kind', () => {
    const { id, consumer } = QUEUED.request;
    const running = [{ ...QUEUED, request: { id, consumer, work: 'load' as const }, expected: 'no history' as const }];
    expect(queueReport({ ...EMPTY, running })['running']).toEqual([{ ...LABEL, kind: 'load', model: null, client: null, run_ms: 2000, expected_ms: null }]);
  });
});

describe('one that waits', () => {
  const shown = (differences: Partial<WaitingFacts> = {}) => queueReport({ ...EMPTY, waiting: [{ ...WAITING, ...differences }], waitingTotal: 7 });

  test('is shown with its place, what it waits for and when it will be served', () => {
    expect(shown()).toMatchObject({ waiting_total: 7 });
    expect(shown()['waiting']).toEqual([
      {
        ...LABEL,
        position: 3,
        admitting: false,
        wait_ms: 2000,
        estimate: 'measured',
        estimated_start: '2026-02-03T04:05:07.500Z',
        estimated_wait_ms: 1500,
        estimated_wait_range_ms: [1001, 2000],
        will_evict: [{ consumer: 'b', frees_mib: 901 }],
        held_by: ['c'],
      },
    ]);
  });

  test('says why no time is known, and names none', () => {
    const unknown = { estimate: 'held', estimated_start: null, estimated_wait_ms: null, estimated_wait_range_ms: null };
    expect(shown({ outlook: { position: 1, turn: 'held', wait: 'held' }, isAdmitted: true })['waiting']).toMatchObject([{ ...unknown, admitting: true }]);
  });
});
