import { expect, test } from '@jest/globals';
import { planReport } from '../../../lib/core/plan-report.ts';
import { planFor } from '../../../lib/core/plan.ts';
import { absent, planned, snapshotOf } from '../../support/snapshots.ts';

const TARGET = absent({ name: 'tts', footprintMib: 2800 });

test('the report of a plan has exactly the members that clients rely on', () => {
  const snapshot = snapshotOf([TARGET, planned({ name: 'image', usedMib: 2700.6, lastUsedAt: 0 })], {
    freeMib: 400,
    cushionMib: 256,
    foreign: [
      { pid: 7, name: 'game', usedMib: 500 },
      { pid: 8, name: null, usedMib: null },
    ],
  });
  expect(planReport(planFor('tts', snapshot))).toEqual({
    consumer: 'tts',
    plan: 'evict',
    required_mib: 3056,
    headroom_mib: 400,
    free_mib: 400,
    targets: [{ consumer: 'image', frees_mib: 2701 }],
    busy: [],
    foreign: [
      { pid: 7, name: 'game', mib: 500 },
      { pid: 8, name: null, mib: null },
    ],
    reason: expect.stringContaining('image'),
  });
});

test('free memory that is not known is null', () => {
  const report = planReport(planFor('tts', snapshotOf([TARGET], { freeMib: null })));
  expect(report).toMatchObject({ plan: 'fits', free_mib: null, headroom_mib: 10_000 });
});

test('those whose work is waited for are named', () => {
  const busy = planned({ name: 'image', usedMib: 5000, busy: true });
  expect(planReport(planFor('tts', snapshotOf([TARGET, busy], { freeMib: 0 })))).toMatchObject({ plan: 'wait', busy: ['image'], targets: [] });
});

test('what can never be is impossible, as is what cannot be now', () => {
  expect(planReport(planFor('tts', snapshotOf([TARGET], { freeMib: 0 })))).toMatchObject({ plan: 'impossible' });
  expect(planReport(planFor('tts', snapshotOf([TARGET], { freeMib: 0, totalMib: 100 })))).toMatchObject({ plan: 'impossible' });
});

test('amounts are whole MiB', () => {
  const target = absent({ name: 'tts', footprintMib: 2800, usedMib: 10.4 });
  expect(planReport(planFor('tts', snapshotOf([target, planned({ name: 'b', promised: true, usedMib: 0.3 })])))).toMatchObject({
    required_mib: 2790,
    headroom_mib: 9000,
  });
});
