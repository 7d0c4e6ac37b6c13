import { describe, expect, test } from '@jest/globals';
import type { Probe, ProbeOutcome } from '../../../lib/core/health.ts';
import type { Residency } from '../../../lib/core/model.ts';
import { initialResidency, isLazy, residencyAfterJob, residencyAfterProbe, residencyAfterSample, residencySaid } from '../../../lib/core/residency.ts';
import type { MeasuredUse, ResidencyRecord } from '../../../lib/core/residency.ts';
import { configuredConsumer } from '../../support/configured.ts';

const HOOK = { path: '/hook' };
const UNIT = 'a.service';

describe('at the start a consumer with', () => {
  test.each([
    ['nothing declared', {}, 'resident'],
    ['load and unload hooks', { load: HOOK, unload: HOOK }, 'resident'],
    ['an unload hook only', { unload: HOOK }, 'absent'],
    ['a load hook only', { load: HOOK }, 'resident'],
    ['a unit only', { systemd_unit: UNIT }, 'resident'],
    ['a unit and an unload hook', { systemd_unit: UNIT, unload: HOOK }, 'resident'],
    ['memory of its own management', { vram_managed: true }, 'resident'],
    ['memory of its own management and an unload hook', { vram_managed: true, unload: HOOK }, 'resident'],
  ] as const)('%s is %j: %s', (_name, settings, residency) => {
    const config = configuredConsumer(settings);
    expect(initialResidency(config)).toBe(residency);
    expect(isLazy(config)).toBe(residency === 'absent');
  });
});

const SILENT: ProbeOutcome = { type: 'good', report: { loaded: null, usedMib: null } };
const REFUSED: ProbeOutcome = { type: 'refused', error: 'refused' };
const CONFIG = configuredConsumer({ vram_resident_mib: 1000, load: HOOK, unload: HOOK });
const LAST_ACTION_AT = 500;
const LATER: Pick<Probe, 'startedAt'> = { startedAt: 600 };
const RECORD: ResidencyRecord = { residency: 'resident', wasRefused: false, lastActionAt: LAST_ACTION_AT, footprintMib: 1000, residualMib: 0 };

function said(loaded: boolean | null, usedMib: number | null): ProbeOutcome {
  return { type: 'good', report: { loaded, usedMib } };
}

interface Before {
  readonly residency?: Residency;
  readonly wasRefused?: boolean;
}

function after(outcome: ProbeOutcome, { residency = 'resident', wasRefused = false }: Before = {}): Residency {
  return believed({ ...RECORD, residency, wasRefused }, { ...LATER, outcome });
}

/** What is believed after a probe. */
function believed(record: ResidencyRecord, probe: Probe, config = CONFIG): Residency {
  return residencyAfterProbe(record, probe, config)?.residency ?? record.residency;
}

describe('a consumer that says', () => {
  test.each([
    ['that it uses its footprint', said(null, 1000), 'resident'],
    ['that it uses a tenth of its footprint', said(null, 100), 'resident'],
    ['that it uses less than a tenth', said(null, 99), 'absent'],
    ['that it uses nothing', said(null, 0), 'absent'],
    ['that it is loaded', said(true, null), 'resident'],
    ['that it is not loaded', said(false, null), 'absent'],
    ['that it is loaded and uses next to nothing', said(true, 50), 'absent'],
    ['that it is not loaded and uses its footprint', said(false, 1000), 'resident'],
  ] as const)('%s is %j: %s', (_name, outcome, residency) => {
    for (const before of ['absent', 'resident', 'unknown'] as const) {
      expect(after(outcome, { residency: before })).toBe(residency);
    }
  });

  test('nothing stays what it is', () => {
    for (const residency of ['absent', 'resident', 'unknown'] as const) expect(after(SILENT, { residency })).toBe(residency);
  });
});

test('without a footprint only the flag is believed', () => {
  const record = { ...RECORD, footprintMib: null };
  expect(believed(record, { ...LATER, outcome: said(false, 5000) })).toBe('absent');
  expect(believed(record, { ...LATER, outcome: said(null, 0) })).toBe('resident');
});

test('a probe that began before the last action is old news, whatever it says', () => {
  for (const outcome of [said(false, 0), REFUSED]) {
    expect(residencyAfterProbe(RECORD, { startedAt: LAST_ACTION_AT - 1, outcome }, CONFIG)).toBeNull();
    expect(residencyAfterProbe(RECORD, { startedAt: LAST_ACTION_AT, outcome }, CONFIG)).toEqual({ residency: 'absent', source: 'self' });
  }
});

test('while a hook is under way no probe changes anything', () => {
  for (const residency of ['loading', 'unloading'] as const) {
    for (const outcome of [said(true, 1000), said(false, 0), REFUSED, SILENT]) expect(after(outcome, { residency })).toBe(residency);
  }
});

describe('a consumer that refuses connections', () => {
  test('is absent', () => {
    for (const residency of ['absent', 'resident', 'unknown'] as const) expect(after(REFUSED, { residency })).toBe('absent');
  });
  test('and then answers is as at the start, unless it says otherwise', () => {
    expect(after(SILENT, { residency: 'absent', wasRefused: true })).toBe('resident');
    expect(after(said(false, null), { residency: 'absent', wasRefused: true })).toBe('absent');
    const lazy = configuredConsumer({ unload: HOOK });
    const record = { ...RECORD, residency: 'absent', wasRefused: true } as const;
    expect(residencyAfterProbe(record, { ...LATER, outcome: SILENT }, lazy)).toEqual({ residency: 'absent', source: 'assumed' });
  });
});

test.each(['bad', 'timeout'] as const)('a %s answer says nothing about residency', (type) => {
  for (const residency of ['absent', 'resident', 'unknown'] as const) {
    expect(after({ type, error: 'x' }, { residency, wasRefused: true })).toBe(residency);
  }
});

describe('after a job', () => {
  test.each([
    ['absent', 'served', 'resident'],
    ['unknown', 'served', 'resident'],
    ['resident', 'served', 'resident'],
    ['absent', 'sent', 'unknown'],
    ['unknown', 'sent', 'unknown'],
    ['resident', 'sent', 'resident'],
    ['absent', 'not_sent', 'absent'],
    ['unknown', 'not_sent', 'unknown'],
    ['resident', 'not_sent', 'resident'],
  ] as const)('an %s consumer whose job was %s is %s', (before, reach, residency) => {
    expect(residencyAfterJob(before, reach)).toBe(residency);
  });
});

describe('the memory of its processes', () => {
  const SAMPLED = { ...RECORD, residencySource: 'process' } as const;
  const USE: MeasuredUse = { usedMib: 900, startedAt: 600, isBusy: false, isOverruled: false, wasSeen: true };

  test.each([
    ['a tenth of the footprint', { marks: {}, usedMib: 100 }, 'resident'],
    ['less than a tenth', { marks: {}, usedMib: 99 }, 'absent'],
    ['nothing', { marks: {}, usedMib: 0 }, 'absent'],
    ['a tenth more than what stays after an unload', { marks: { residualMib: 300 }, usedMib: 330 }, 'absent'],
    ['well more than what stays', { marks: { residualMib: 300 }, usedMib: 340 }, 'resident'],
    ['nine tenths of the footprint, though as much is said to stay', { marks: { residualMib: 900 }, usedMib: 901 }, 'resident'],
    ['what stays, with no footprint', { marks: { footprintMib: null, residualMib: 300 }, usedMib: 300 }, 'absent'],
    ['what stays and a tenth of it, with no footprint', { marks: { footprintMib: null, residualMib: 10 }, usedMib: 11 }, 'absent'],
    ['what stays, with a footprint of nothing', { marks: { footprintMib: 0, residualMib: 300 }, usedMib: 300 }, 'absent'],
    ['more than what stays, with no footprint', { marks: { footprintMib: null, residualMib: 300 }, usedMib: 331 }, 'resident'],
  ] as const)('is %s: told from footprint and residue by %j: %s', (_name, { marks, usedMib }, residency) => {
    expect(residencyAfterSample({ ...SAMPLED, ...marks }, { ...USE, usedMib })).toEqual({ residency, source: 'process' });
  });

  test.each([
    ['it is not known', {}, { usedMib: null }],
    ['neither footprint nor residue is known', { footprintMib: null }, {}],
    ['it was measured before our last action', {}, { startedAt: LAST_ACTION_AT - 1 }],
    ['the consumer works and may still grow', {}, { isBusy: true }],
    ['the consumer itself has said', {}, { isOverruled: true }],
    ['a load is under way', { residency: 'loading' }, {}],
    ['an unload is under way', { residency: 'unloading' }, {}],
  ] as const)('says nothing when %s', (_name, record, use) => {
    expect(residencyAfterSample({ ...SAMPLED, ...record }, { ...USE, ...use })).toBeNull();
  });

  test('counts from the moment of our last action on', () => {
    expect(residencyAfterSample(SAMPLED, { ...USE, startedAt: LAST_ACTION_AT })).toEqual({ residency: 'resident', source: 'process' });
  });

  test('that was never seen says nothing against what we did, for it may be where nvidia-smi does not see it', () => {
    const unseen = { ...USE, usedMib: 0, wasSeen: false };
    expect(residencyAfterSample({ ...SAMPLED, residencySource: 'action' }, unseen)).toBeNull();
    expect(residencyAfterSample({ ...SAMPLED, residencySource: 'action' }, { ...unseen, wasSeen: true })?.residency).toBe('absent');
    expect(residencyAfterSample({ ...SAMPLED, residencySource: 'assumed' }, unseen)?.residency).toBe('absent');
  });

  test('does not make loaded weights out of what a failed hook has left', () => {
    expect(residencyAfterSample({ ...SAMPLED, residency: 'unknown' }, USE)).toBeNull();
    expect(residencyAfterSample({ ...SAMPLED, residency: 'unknown' }, { ...USE, usedMib: 0 })?.residency).toBe('absent');
  });
});

test('a list or a state of its own is believed before the memory, which may be small', () => {
  expect(residencySaid({ loaded: true, usedMib: 50, isExact: true }, RECORD)).toBe('resident');
  expect(residencySaid({ loaded: false, usedMib: 900, isExact: true }, RECORD)).toBe('absent');
  expect(residencySaid({ loaded: null, usedMib: 900, isExact: true }, RECORD)).toBe('resident');
});
