import { describe, expect, test } from '@jest/globals';
import { freeableMib, heldMib, promiseMib } from '../../../lib/core/snapshot.ts';
import { planned } from '../../support/snapshots.ts';

describe('a promise of 1000 MiB, of which', () => {
  test.each([
    ['nothing is measured', null, 1000],
    ['nothing is used', 0, 1000],
    ['300 are used', 300, 700],
    ['all is used', 1000, 0],
    ['more is used', 1200, 0],
  ])('%s, still takes %j → %i MiB', (_name, usedMib, mib) => {
    expect(promiseMib(planned({ name: 'a', promised: true, usedMib }))).toBe(mib);
  });
});

describe('a promise of 1000 MiB, with no measurement since its job', () => {
  test.each([
    ['what the sample of the free memory shows is taken off', { shownMib: 300 }, 700],
    ['what is measured since goes first', { usedMib: 600, shownMib: 300 }, 400],
  ])('%s', (_name, differences, mib) => {
    expect(promiseMib(planned({ name: 'a', promised: true, ...differences }))).toBe(mib);
  });
});

test('without a footprint nothing is promised', () => {
  expect(promiseMib(planned({ name: 'a', promised: true, footprintMib: null }))).toBe(0);
});

test('who has promised nothing still takes nothing', () => {
  expect(promiseMib(planned({ name: 'a', usedMib: 300 }))).toBe(0);
});

describe('a consumer holds', () => {
  test.each([
    ['what it uses', { usedMib: 700 }, 700],
    ['nothing when it uses nothing', { usedMib: 0 }, 0],
    ['its footprint when its use is not known', {}, 1000],
    ['what it uses and what it will still take', { usedMib: 700, promised: true }, 1000],
    ['its footprint once, not twice, when it is promised and not measured', { promised: true }, 1000],
    ['what an old sample shows and what it will still take', { shownMib: 700, promised: true }, 1000],
    ['what an old sample shows, though that is more than it was declared to', { shownMib: 1500, promised: true }, 1500],
    ['what an old sample shows, when nothing is promised', { shownMib: 700 }, 700],
    ['what is measured since, whatever an old sample shows', { usedMib: 700, shownMib: 300 }, 700],
    ['what it uses, though that is more than it was declared to', { usedMib: 1500, promised: true }, 1500],
    ['nothing that anybody knows of without a footprint', { footprintMib: null }, 0],
  ])('%s', (_name, differences, mib) => {
    expect(heldMib(planned({ name: 'a', ...differences }))).toBe(mib);
  });
});

describe('an unload is expected to free', () => {
  test.each([
    ['what is held less what stays', { usedMib: 700, residualMib: 200 }, 500],
    ['nothing where no more is held than stays', { usedMib: 150, residualMib: 200 }, 0],
  ])('%s', (_name, differences, mib) => {
    expect(freeableMib(planned({ name: 'a', ...differences }))).toBe(mib);
  });
});
