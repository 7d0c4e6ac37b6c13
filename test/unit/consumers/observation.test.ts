import { describe, expect, test } from '@jest/globals';
import { ConsumerState } from '../../../lib/consumers/consumer-state.ts';
import { knownUse, reckonedUseMib, sampleNews } from '../../../lib/consumers/observation.ts';
import type { Sample } from '../../../lib/core/model.ts';
import { configuredConsumer } from '../../support/configured.ts';

const CONFIG = configuredConsumer({ vram_resident_mib: 4000 });

/** A consumer that we last did something with at 100. */
function consumer(said: number | null, facts: Partial<ConsumerState> = {}): ConsumerState {
  const report = said === null ? null : { loaded: null, usedMib: said, startedAt: 150, endedAt: 151 };
  return Object.assign(new ConsumerState(CONFIG, 0), { lastActionAt: 100, residency: 'resident', residencySource: 'action', report }, facts);
}

/** A sample in which its processes hold so much. */
function sample(mib: number | null, startedAt = 150): Sample {
  const attribution = { uses: new Map([[CONFIG.name, mib]]), foreign: [], unknownHolders: [] };
  return { startedAt, takenAt: new Date(), uuid: null, name: null, totalMib: null, usedMib: null, freeMib: 0, attribution };
}

describe('the use of a consumer', () => {
  test('is its own word, whatever its processes hold', () => {
    expect(knownUse(consumer(10), sample(3000))).toEqual({ mib: 10, source: 'self' });
  });

  test('is what its processes hold where it says nothing', () => {
    expect(knownUse(consumer(null), sample(3000))).toEqual({ mib: 3000, source: 'process' });
  });

  test('is not known where neither is as new as our last action', () => {
    const stale = consumer(10, { lastActionAt: 200 });
    expect(knownUse(stale, sample(3000))).toBeNull();
    expect(knownUse(stale, null)).toBeNull();
    expect(reckonedUseMib(stale, sample(3000))).toBeNull();
  });

  test('that plans reckon with is the larger of both: many leave out their context, and one may deny what it holds', () => {
    expect(reckonedUseMib(consumer(10), sample(3000))).toBe(3000);
    expect(reckonedUseMib(consumer(3000), sample(10))).toBe(3000);
    expect(reckonedUseMib(consumer(10), sample(null))).toBe(10);
    expect(reckonedUseMib(consumer(null), sample(3000))).toBe(3000);
    expect(reckonedUseMib(consumer(null), null)).toBeNull();
  });
});

describe('a sample teaches', () => {
  test('a new peak, but none that is noise, nor of a consumer that is only assumed to be loaded', () => {
    expect(sampleNews(consumer(null), sample(3000)).measuredMib).toBe(3000);
    expect(sampleNews(consumer(null, { measuredMib: 2980 }), sample(3000)).measuredMib).toBeNull();
    expect(sampleNews(consumer(null, { residencySource: 'assumed' }), sample(3000)).measuredMib).toBeNull();
    expect(sampleNews(consumer(null, { residency: 'absent' }), sample(3000)).measuredMib).toBeNull();
  });

  test('what a consumer would take if all of it were in VRAM', () => {
    const report = { loaded: true, usedMib: 400, wantsMib: 3200, isExact: true, startedAt: 150, endedAt: 151 };
    expect(sampleNews(consumer(null, { report }), sample(500)).measuredMib).toBe(3200);
    expect(sampleNews(consumer(null, { report: { ...report, startedAt: 50 } }), sample(500)).measuredMib).toBe(500);
  });

  test('the least that is left after our unload', () => {
    const unloaded = { residency: 'absent', residencySource: 'action' } as const;
    expect(sampleNews(consumer(null, unloaded), sample(900)).leftMib).toBe(900);
    expect(sampleNews(consumer(null, { ...unloaded, leftMib: 900 }), sample(600)).leftMib).toBe(600);
    expect(sampleNews(consumer(null, { ...unloaded, leftMib: 600 }), sample(900)).leftMib).toBeNull();
    expect(sampleNews(consumer(null, { ...unloaded, residencySource: 'self' }), sample(900)).leftMib).toBeNull();
  });
});
