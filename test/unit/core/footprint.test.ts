import { expect, test } from '@jest/globals';
import { footprintReport } from '../../../lib/core/footprint.ts';
import { wireDurationMs } from '../../../lib/core/wire-duration.ts';

test.each([
  [null, null, { vram_budget_mib: null, vram_budget_source: null, vram_measured_mib: null }],
  [1000, null, { vram_budget_mib: 1000, vram_budget_source: 'declared', vram_measured_mib: null }],
  [null, 999.6, { vram_budget_mib: 1000, vram_budget_source: 'measured', vram_measured_mib: 1000 }],
  [1000, 1250, { vram_budget_mib: 1000, vram_budget_source: 'declared', vram_measured_mib: 1250 }],
  [1000, 750, { vram_budget_mib: 1000, vram_budget_source: 'declared', vram_measured_mib: 750 }],
])('a footprint declared as %j and measured as %j is %j', (declaredMib, measuredMib, report) => {
  expect(footprintReport({ declaredMib, measuredMib })).toEqual(report);
});

test.each([1251, 749])('one of 1000 that was measured as %i is off by more than a quarter', (measuredMib) => {
  expect(footprintReport({ declaredMib: 1000, measuredMib })).toMatchObject({ vram_warning: `vram_resident_mib is 1000, but ${measuredMib} MiB were measured` });
});

test.each([
  [0, 0],
  [1.5, 1500],
  ['90s', 90_000],
  ['250ms', 250],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
  [-1, null],
  [Number.NaN, null],
  ['1.25s', 1250],
  [Number.POSITIVE_INFINITY, null],
  ['x90s', null],
  ['90sx', null],
  ['1234567890s', null],
  ['90', null],
  ['-1s', null],
  ['1 s', null],
  [null, null],
  [{}, null],
  [['5s'], null],
])('on the wire a duration of %j is %j ms', (value, ms) => expect(wireDurationMs(value)).toBe(ms));
