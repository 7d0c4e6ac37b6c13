import { describe, expect, test } from '@jest/globals';
import { planFor } from '../../../lib/core/plan.ts';
import type { PlannedConsumer, Snapshot } from '../../../lib/core/snapshot.ts';
import { absent, planned, snapshotOf } from '../../support/snapshots.ts';

/** Plans for the absent consumer `t` of 4000 MiB among others, with so much free. */
function planAmong(others: readonly PlannedConsumer[], freeMib: number | null, differences: Partial<Snapshot> & { readonly t?: PlannedConsumer } = {}) {
  const { t = absent({ name: 't', footprintMib: 4000 }), ...card } = differences;
  return planFor('t', snapshotOf([t, ...others], { freeMib, ...card }));
}

function targetsOf(plan: ReturnType<typeof planFor>): string[] {
  return plan.targets.map(({ consumer }) => consumer);
}

/** Resident and idle, with a use that is known. */
function idle(name: string, usedMib: number, lastUsedAt: number | null = null): PlannedConsumer {
  return planned({ name, footprintMib: usedMib, usedMib, lastUsedAt });
}

describe('a consumer fits', () => {
  test('when it needs nothing, however full the card is', () => {
    const t = planned({ name: 't', footprintMib: 4000 });
    expect(planAmong([], 0, { t, cushionMib: 256 })).toMatchObject({ plan: 'fits', requiredMib: 0, targets: [], busy: [] });
  });
  test('when its need and the cushion are exactly what is free', () => {
    expect(planAmong([], 4256, { cushionMib: 256 })).toMatchObject({ plan: 'fits', requiredMib: 4256, headroomMib: 4256, freeMib: 4256 });
    expect(planAmong([], 4255, { cushionMib: 256 })).toMatchObject({ plan: 'impossible' });
  });
  test('even if that leaves others where they are', () => {
    expect(planAmong([idle('a', 5000)], 4000)).toMatchObject({ plan: 'fits', targets: [] });
  });
  test('when it declares no footprint', () => {
    expect(planAmong([], 0, { t: absent({ name: 't', footprintMib: null }) })).toMatchObject({ plan: 'fits', requiredMib: 0 });
  });
});

describe('is unloaded: ', () => {
  test('the one that was used longest ago', () => {
    expect(planAmong([idle('a', 2000, 20), idle('b', 2000, 10)], 2000)).toMatchObject({ plan: 'evict', targets: [{ consumer: 'b', freesMib: 2000 }] });
  });
  test('the one that was never used before the one that was', () => {
    expect(targetsOf(planAmong([idle('a', 2000, 0), idle('b', 2000)], 2000))).toEqual(['b']);
  });
  test('as many as it takes, in that order', () => {
    expect(targetsOf(planAmong([idle('a', 1000, 30), idle('b', 1000, 10), idle('c', 1000, 20), idle('d', 5000, 40)], 2000))).toEqual(['b', 'c']);
  });
  test('of equally old ones the first by name, so that a plan is the same every time', () => {
    expect(targetsOf(planAmong([idle('b', 2000, 10), idle('a', 2000, 10)], 2000))).toEqual(['a']);
  });
  test('one large consumer instead of it and a small older one', () => {
    expect(targetsOf(planAmong([idle('small', 1000, 10), idle('large', 4000, 20)], 0))).toEqual(['large']);
  });
  test('the older ones where a younger one has become superfluous', () => {
    expect(targetsOf(planAmong([idle('a', 1000, 10), idle('b', 2000, 20), idle('c', 3000, 30)], 0))).toEqual(['a', 'c']);
  });
  test('one whose last hook has failed, since its memory may well be taken', () => {
    expect(planAmong([planned({ name: 'a', footprintMib: 4000, residency: 'unknown' })], 0)).toMatchObject({ plan: 'evict' });
  });
  test('one that was loaded just now: its promise is given back too', () => {
    const a = planned({ name: 'a', footprintMib: 4000, promised: true });
    expect(planAmong([a], 4000)).toMatchObject({ plan: 'evict', headroomMib: 0, targets: [{ consumer: 'a', freesMib: 4000 }] });
  });
});

describe('is never unloaded: a consumer that', () => {
  const a = idle('a', 4000, 10);
  test.each([
    ['the target can coexist with', a, { t: absent({ name: 't', footprintMib: 4000, coexistsWith: ['a'] }) }],
    ['manages its own memory', { ...a, vramManaged: true }, {}],
    ['has no unload hook', { ...a, hasUnload: false }, {}],
    ['is absent, whatever its bare context uses', { ...a, residency: 'absent' as const }, {}],
    ['holds nothing that anybody knows of', { ...a, usedMib: null, footprintMib: null }, {}],
    ['is measured to use nothing', { ...a, usedMib: 0 }, {}],
  ])('%s', (_name, consumer, differences) => {
    expect(planAmong([consumer], 0, differences)).toMatchObject({ plan: 'impossible', targets: [], busy: [], permanent: false });
  });

  test('has just failed to be', () => {
    const t = absent({ name: 't', footprintMib: 4000 });
    const snapshot = snapshotOf([t, a, idle('b', 4000, 20)], { freeMib: 0 });
    expect(targetsOf(planFor('t', snapshot, new Set(['a'])))).toEqual(['b']);
    expect(planFor('t', snapshot, new Set(['a', 'b']))).toMatchObject({ plan: 'impossible' });
  });

  test('is the target itself', () => {
    const t = planned({ name: 't', footprintMib: 4000, usedMib: 1000 });
    expect(planAmong([], 0, { t })).toMatchObject({ plan: 'impossible', requiredMib: 3000 });
  });

  test('may be unloaded, but would not be enough', () => {
    expect(planAmong([idle('a', 1000), idle('b', 2000)], 0)).toMatchObject({ plan: 'impossible', targets: [] });
  });
});

test('coexistence is what the target says, not what the other one says', () => {
  const a = planned({ name: 'a', footprintMib: 4000, coexistsWith: ['t'] });
  expect(targetsOf(planAmong([a], 0))).toEqual(['a']);
});

describe('a consumer waits', () => {
  const busy = { ...idle('b', 3000, 10), busy: true };

  test('when busy ones would do', () => {
    expect(planAmong([{ ...busy, usedMib: 4000 }], 0)).toMatchObject({ plan: 'wait', busy: ['b'], targets: [] });
  });
  test('when busy and idle ones together would do, and then unloads nobody yet', () => {
    expect(planAmong([busy, idle('a', 1000)], 0)).toMatchObject({ plan: 'wait', busy: ['b'], targets: [] });
  });
  test('for one in its first job, whose memory nobody has seen yet', () => {
    const first = absent({ name: 'b', footprintMib: 4000, busy: true, promised: true });
    expect(planAmong([first], 4000)).toMatchObject({ plan: 'wait', busy: ['b'] });
  });
  test('for no busy one when idle ones do', () => {
    expect(planAmong([{ ...busy, lastUsedAt: 0 }, idle('a', 4000, 99)], 0)).toMatchObject({ plan: 'evict', targets: [{ consumer: 'a' }], busy: [] });
  });
  test.each([
    ['it could not be unloaded then either', { hasUnload: false }],
    ['it manages its own memory', { vramManaged: true }],
    ['that would not be enough', { usedMib: 3999 }],
  ])('for no busy one when %s', (_name, differences) => {
    expect(planAmong([{ ...busy, usedMib: 4000, ...differences }], 0)).toMatchObject({ plan: 'impossible', permanent: false });
  });
});

describe('what can never fit on this card', () => {
  const card = { cushionMib: 256, reservedMib: 744 };

  test.each([
    [9000, false],
    [9001, true],
  ])('with a footprint of %i MiB: %j', (footprintMib, permanent) => {
    expect(planAmong([], 0, { ...card, t: absent({ name: 't', footprintMib }) })).toMatchObject({ plan: 'impossible', permanent });
  });
  test('has nobody unloaded for it, even where the declared sizes would add up', () => {
    const t = absent({ name: 't', footprintMib: 11_000 });
    expect(planAmong([planned({ name: 'a', footprintMib: 9000 }), planned({ name: 'b', footprintMib: 9000 })], 0, { t })).toMatchObject({
      plan: 'impossible',
      permanent: true,
      targets: [],
    });
  });
  test('is not waited for either', () => {
    const t = absent({ name: 't', footprintMib: 11_000 });
    expect(planAmong([planned({ name: 'a', footprintMib: 12_000, busy: true })], 0, { t })).toMatchObject({ plan: 'impossible', permanent: true, busy: [] });
  });
  test('is nothing when the size of the card is not known', () => {
    expect(planAmong([], 0, { totalMib: null, t: absent({ name: 't', footprintMib: 99_000 }) })).toMatchObject({ plan: 'impossible', permanent: false });
  });
});

describe('foreign memory', () => {
  const foreign = [{ pid: 7, name: 'game', usedMib: 9000 }];
  test('is shown', () => {
    expect(planAmong([], 1000, { foreign }).foreign).toEqual(foreign);
  });
  test('is not waited for', () => {
    expect(planAmong([], 1000, { foreign })).toMatchObject({ plan: 'impossible', permanent: false });
  });
});

describe('without a reading of the card the declared footprints decide', () => {
  test.each([
    [2000, 'fits'],
    [6000, 'fits'],
    [6001, 'evict'],
    [9000, 'evict'],
  ])('beside a resident consumer of %i MiB: %s', (footprintMib, kind) => {
    expect(planAmong([planned({ name: 'a', footprintMib })], null)).toMatchObject({ plan: kind, freeMib: null });
  });
  test('without the size of the card everything else makes room', () => {
    const others = [planned({ name: 'a', footprintMib: 4000, lastUsedAt: 10 }), planned({ name: 'b', footprintMib: 4000, lastUsedAt: 20 })];
    expect(targetsOf(planAmong(others, null, { totalMib: null }))).toEqual(['a', 'b']);
  });
});

test('a plan for a consumer that does not exist is a bug', () => {
  expect(() => planFor('x', snapshotOf([]))).toThrow('planFor: x is not in the snapshot');
});
