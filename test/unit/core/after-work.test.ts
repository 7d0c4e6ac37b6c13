import { expect, test } from '@jest/globals';
import { afterOurWork } from '../../../lib/core/after-work.ts';
import { planFor } from '../../../lib/core/plan.ts';
import { absent, planned, snapshotOf } from '../../support/snapshots.ts';

const NOBODY = new Set<string>();

test('who works for us is idle by then, and who works for others is not', () => {
  const { consumers } = afterOurWork(snapshotOf([planned({ name: 'a', busy: true }), planned({ name: 'b', busy: true }), planned({ name: 'c' })]), new Set(['b']));
  expect(consumers.map(({ busy }) => busy)).toEqual([false, true, false]);
});

test('who loads is resident by then; who is being unloaded cannot be counted on', () => {
  const { consumers } = afterOurWork(snapshotOf([planned({ name: 'a', busy: true, residency: 'loading' }), planned({ name: 'b', residency: 'unloading' })]), NOBODY);
  expect(consumers).toMatchObject([{ residency: 'resident', busy: false }, { residency: 'unloading', busy: true }]);
});

test('so that a plan names what runs now as what is to be unloaded', () => {
  const now = snapshotOf([planned({ name: 'a', busy: true, footprintMib: 8000 }), absent({ name: 'b', footprintMib: 5000 })], { freeMib: 2000 });
  expect(planFor('b', now)).toMatchObject({ plan: 'wait', targets: [] });
  expect(planFor('b', afterOurWork(now, NOBODY))).toMatchObject({ plan: 'evict', targets: [{ consumer: 'a', freesMib: 8000 }] });
});

test('what one was let in with does not count twice where nobody can say how much of it is there already', () => {
  const at = (usedMib: number | null) => snapshotOf([planned({ name: 'a', busy: true, promised: true, usedMib, footprintMib: 8000 }), absent({ name: 'b', footprintMib: 5000 })], { freeMib: 2000 });
  expect(planFor('b', afterOurWork(at(null), NOBODY)).targets).toEqual([{ consumer: 'a', freesMib: 8000 }]);
  expect(planFor('b', afterOurWork(at(7000), NOBODY)).targets).toEqual([{ consumer: 'a', freesMib: 8000 }]);
});

test('who was let in to load itself is resident by then, and can go again', () => {
  const lazy = planned({ name: 'a', busy: true, promised: true, residency: 'absent', usedMib: 0, footprintMib: 12_000 });
  const now = snapshotOf([lazy, absent({ name: 'b', footprintMib: 5000 })], { freeMib: 13_000 });
  expect(planFor('b', afterOurWork(now, NOBODY))).toMatchObject({ plan: 'evict', targets: [{ consumer: 'a', freesMib: 12_000 }] });
  expect(afterOurWork(snapshotOf([{ ...lazy, busy: false }]), NOBODY).consumers).toMatchObject([{ residency: 'absent' }]);
});

test('who works now has been used last by then, so that another goes first', () => {
  const now = snapshotOf([planned({ name: 'a', busy: true, lastUsedAt: 10 }), planned({ name: 'b', lastUsedAt: 20 }), absent({ name: 'c', footprintMib: 2000 })], { freeMib: 1000, now: 30 });
  expect(planFor('c', afterOurWork(now, NOBODY))).toMatchObject({ plan: 'evict', targets: [{ consumer: 'b' }] });
});
