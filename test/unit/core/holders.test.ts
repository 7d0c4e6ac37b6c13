import { describe, expect, test } from '@jest/globals';
import { holdersOf } from '../../../lib/core/holders.ts';
import { planned, snapshotOf } from '../../support/snapshots.ts';

test('consumers, foreign processes and unknown holders are listed, the largest first', () => {
  const snapshot = snapshotOf([planned({ name: 'tts', usedMib: 2800.4 }), planned({ name: 'image', usedMib: 9000 })], {
    foreign: [{ pid: 7, name: 'game', usedMib: 3000 }],
    unknownHolders: [{ pid: 8, name: null, usedMib: 100 }],
  });
  expect(holdersOf(snapshot, 'asking')).toEqual([
    { consumer: 'image', mib: 9000 },
    { pid: 7, name: 'game', mib: 3000, foreign: true },
    { consumer: 'tts', mib: 2800 },
    { pid: 8, name: null, mib: 100, foreign: false },
  ]);
});

test('a process whose use the driver does not tell comes last, and its use is null', () => {
  const snapshot = snapshotOf([planned({ name: 'tts', usedMib: 1 })], { foreign: [{ pid: 7, name: 'game', usedMib: null }] });
  expect(holdersOf(snapshot, 'asking')).toEqual([
    { consumer: 'tts', mib: 1 },
    { pid: 7, name: 'game', mib: null, foreign: true },
  ]);
});

describe('a consumer holds memory', () => {
  test.each([
    ['when it is resident and not measured: its footprint', {}, 1000],
    ['when it is absent and its bare context is measured', { residency: 'absent', usedMib: 300 }, 300],
    ['when it is in its first job', { residency: 'absent', busy: true, promised: true }, 1000],
    ['when nobody knows whether it is loaded', { residency: 'unknown' }, 1000],
  ] as const)('%s', (_name, differences, mib) => {
    expect(holdersOf(snapshotOf([planned({ name: 'tts', ...differences })]), 'asking')).toEqual([{ consumer: 'tts', mib }]);
  });

  test.each([
    ['when it is absent', { residency: 'absent' }],
    ['when it is measured to use nothing', { usedMib: 0 }],
    ['when it declares nothing and is not measured', { footprintMib: null }],
  ] as const)('not %s', (_name, differences) => {
    expect(holdersOf(snapshotOf([planned({ name: 'tts', ...differences })]), 'asking')).toEqual([]);
  });
});

test('whom it is wanted for is none, unless it holds some already', () => {
  const asking = planned({ name: 'asking', residency: 'absent', busy: true });
  expect(holdersOf(snapshotOf([asking]), 'asking')).toEqual([]);
  expect(holdersOf(snapshotOf([{ ...asking, usedMib: 300 }]), 'asking')).toEqual([{ consumer: 'asking', mib: 300 }]);
});
