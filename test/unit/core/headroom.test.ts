import { describe, expect, test } from '@jest/globals';
import { capacityMib, headroomMib, needMib, requiredMib } from '../../../lib/core/headroom.ts';
import { absent, planned, snapshotOf } from '../../support/snapshots.ts';

describe('with a footprint of 1000 MiB', () => {
  test.each([
    ['resident', null, 0],
    ['resident', 1000, 0],
    ['resident', 900, 0],
    ['resident', 899, 101],
    ['resident', 0, 1000],
    ['absent', null, 1000],
    ['absent', 300, 700],
    ['absent', 1000, 0],
    ['absent', 1500, 0],
    ['unknown', null, 1000],
    ['unknown', 950, 50],
    ['unloading', null, 1000],
    ['loading', 400, 600],
  ] as const)('a consumer that is %s and uses %j MiB needs %i', (residency, usedMib, mib) => {
    expect(needMib(planned({ name: 'a', residency, usedMib }))).toBe(mib);
  });
});

test.each(['absent', 'resident', 'unknown'] as const)('without a footprint an %s consumer needs nothing', (residency) => {
  expect(needMib(planned({ name: 'a', residency, footprintMib: null, usedMib: 10 }))).toBe(0);
});

test('what is required is the need and the cushion, or nothing', () => {
  const snapshot = snapshotOf([], { cushionMib: 256 });
  expect(requiredMib(absent({ name: 'a' }), snapshot)).toBe(1256);
  expect(requiredMib(planned({ name: 'a' }), snapshot)).toBe(0);
});

describe('what a load may take', () => {
  const target = absent({ name: 'a' });

  test('is the free memory of the sample, whoever uses the rest', () => {
    const others = [target, planned({ name: 'b', usedMib: 5000 }), planned({ name: 'c' })];
    expect(headroomMib(target, snapshotOf(others, { freeMib: 3000 }))).toBe(3000);
  });

  test('is less by what is reserved', () => {
    expect(headroomMib(target, snapshotOf([target], { freeMib: 3000, reservedMib: 500 }))).toBe(2500);
  });

  test('is less by what others were promised and do not use yet', () => {
    const others = [target, planned({ name: 'b', promised: true }), planned({ name: 'c', promised: true, usedMib: 400 })];
    expect(headroomMib(target, snapshotOf(others, { freeMib: 3000 }))).toBe(3000 - 1000 - 600);
  });

  test("is not less by the target's own promise, which is what it is to take", () => {
    const promised = { ...target, promised: true };
    expect(headroomMib(promised, snapshotOf([promised], { freeMib: 3000 }))).toBe(3000);
  });

  test('may be less than nothing', () => {
    expect(headroomMib(target, snapshotOf([target], { freeMib: 100, reservedMib: 500 }))).toBe(-400);
  });
});

describe('without a reading, what a load may take is the card', () => {
  const target = absent({ name: 'a' });
  const unread = { freeMib: null, totalMib: 10_000 };

  test('less the reserve', () => {
    expect(headroomMib(target, snapshotOf([target], { ...unread, reservedMib: 500 }))).toBe(9500);
  });

  test.each([
    ['resident', {}, 1000],
    ['resident and known to use less', { usedMib: 600 }, 600],
    ['unknown', { residency: 'unknown' }, 1000],
    ['loading', { residency: 'loading' }, 1000],
    ['absent', { residency: 'absent' }, 0],
    ['absent, but promised', { residency: 'absent', promised: true }, 1000],
    ['absent, but at work', { residency: 'absent', busy: true }, 1000],
    ['resident without a footprint', { footprintMib: null }, 0],
  ] as const)('less what one that is %s has', (_name, differences, mib) => {
    const other = planned({ name: 'b', ...differences });
    expect(headroomMib(target, snapshotOf([target, other], unread))).toBe(10_000 - mib);
  });

  test('less what the target has already, which it does not need again', () => {
    const partly = absent({ name: 'a', usedMib: 300 });
    expect(headroomMib(partly, snapshotOf([partly], unread))).toBe(9700);
  });
});

describe('the capacity', () => {
  test('is what was read or configured', () => {
    expect(capacityMib(snapshotOf([], { totalMib: 16_376 }))).toBe(16_376);
  });
  test('is enough for the largest consumer where nothing is known', () => {
    const consumers = [planned({ name: 'a', footprintMib: 3000 }), planned({ name: 'b', footprintMib: 500 }), planned({ name: 'c', footprintMib: null })];
    expect(capacityMib(snapshotOf(consumers, { totalMib: null, cushionMib: 256, reservedMib: 100 }))).toBe(3356);
  });
  test('is the cushion and the reserve where nobody declares anything', () => {
    expect(capacityMib(snapshotOf([], { totalMib: null, cushionMib: 256, reservedMib: 100 }))).toBe(356);
  });
});
