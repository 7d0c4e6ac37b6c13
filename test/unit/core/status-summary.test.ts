import { describe, expect, test } from '@jest/globals';
import { statusSummary } from '../../../lib/core/status-summary.ts';
import type { SummarisedConsumer, SummaryFacts } from '../../../lib/core/status-summary.ts';
import type { Reading } from '../../../lib/core/model.ts';

const GIB = 2 ** 30;
const READING: Reading = {
  ok: true,
  sample: { startedAt: 1, takenAt: new Date(0), uuid: null, name: null, totalMib: 16_384, usedMib: 4096, freeMib: 12_288, attribution: null },
};
const FINE: SummarisedConsumer = { health: { state: 'healthy' }, residency: 'resident', canLoad: false };

/** A daemon that has just started, before it knows anything. */
const START: SummaryFacts = {
  now: new Date('2026-02-03T04:05:06.789Z'),
  startedAt: new Date('2026-02-03T04:05:06.789Z'),
  config: { gpu: {} },
  reading: null,
  consumers: [],
  scheduler: { waiting: 0, running: 0, totalJobs: 0, lastWaitMs: null, evictions: 0, oldestWaitMs: null },
  leases: [],
  paused: null,
  isDraining: false,
};
const summary = (differences: Partial<SummaryFacts> = {}) => statusSummary({ ...START, ...differences });

test('nothing is left out of the summary, whether it is known or not', () => {
  const busy = summary({ reading: READING, consumers: [FINE], paused: { since: new Date(0), by: 'x' }, isDraining: true });
  expect(Object.keys(summary())).toEqual(Object.keys(busy));
  expect(Object.values(busy).filter((value) => value !== null && !Number.isFinite(value))).toEqual([]);
});

describe('the summary counts', () => {
  test('consumers by how they do', () => {
    const ill = { state: 'unhealthy', error: 'refused' } as const;
    const consumers: SummarisedConsumer[] = [
      FINE,
      { ...FINE, residency: 'absent' },
      { ...FINE, health: { state: 'unknown' }, residency: 'unknown' },
      { ...FINE, health: ill, canLoad: true },
      { ...FINE, health: ill, residency: 'absent', canLoad: false },
    ];
    expect(summary({ consumers })).toMatchObject({ consumers: 5, consumers_healthy: 2, consumers_loaded: 2, consumers_ill: 2 });
  });

  test.each(['absent', 'loading', 'unloading'] as const)('none as ill that was unloaded and will be loaded again: %s', (residency) => {
    const stopped: SummarisedConsumer = { health: { state: 'unhealthy', error: 'refused' }, residency, canLoad: true };
    expect(summary({ consumers: [stopped] })).toMatchObject({ consumers: 1, consumers_healthy: 0, consumers_ill: 0 });
  });

  test('the queue, in seconds', () => {
    const scheduler = { waiting: 3, running: 1, totalJobs: 40, lastWaitMs: 1234, evictions: 7, oldestWaitMs: 61_950 };
    const shown = { waiting: 3, running: 1, jobs: 40, last_wait_seconds: 1.2, evictions: 7, oldest_wait_seconds: 62, leases: 2 };
    expect(summary({ scheduler, leases: [{}, {}] })).toMatchObject(shown);
  });

  test('no wait of a last job before there was one', () => {
    expect(summary()).toMatchObject({ last_wait_seconds: null, oldest_wait_seconds: 0 });
  });

  test('how long it has served, and nothing below 0 when the wall clock was put back', () => {
    expect(summary({ startedAt: new Date('2026-02-03T04:00:06.000Z') })['uptime_seconds']).toBe(300);
    expect(summary({ startedAt: new Date('2026-02-03T05:00:00.000Z') })['uptime_seconds']).toBe(0);
  });
});

describe('the memory of the card in the summary is', () => {
  test('in bytes and as a share', () => {
    const shown = { vram_total_bytes: 16 * GIB, vram_used_bytes: 4 * GIB, vram_free_bytes: 12 * GIB, vram_used_ratio: 0.25 };
    expect(summary({ reading: READING })).toMatchObject(shown);
  });

  test('no share of a total that is not known, or nothing', () => {
    const shareOf = (totalMib: number | null) => READING.ok && summary({ reading: { ok: true, sample: { ...READING.sample, totalMib } } })['vram_used_ratio'];
    expect([shareOf(null), shareOf(0), shareOf(8192)]).toEqual([null, null, 0.5]);
  });

  test('the configured total and else unknown while the card cannot be read', () => {
    const unread = { vram_total_bytes: 8 * GIB, vram_used_bytes: null, vram_free_bytes: null, vram_used_ratio: null };
    expect(summary({ config: { gpu: { total_mib: 8192 } } })).toMatchObject(unread);
    expect(summary()).toMatchObject({ ...unread, vram_total_bytes: null });
  });
});

test('what is on or off is 1 or 0', () => {
  expect(summary()).toMatchObject({ paused: 0, draining: 0 });
  expect(summary({ paused: { since: new Date(0), by: 'x' }, isDraining: true })).toMatchObject({ paused: 1, draining: 1 });
});
