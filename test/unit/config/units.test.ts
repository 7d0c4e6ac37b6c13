import { describe, expect, test } from '@jest/globals';
import { readMeasure } from '../../../lib/config/units.ts';

describe('durations are ms', () => {
  test.each([
    ['1ms', 1],
    ['500ms', 500],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['2147483647ms', 2_147_483_647],
  ])('%s is %i', (text, value) => {
    expect(readMeasure('duration', text)).toEqual({ ok: true, value });
  });

  test.each(['5', '', 's', '-5s', '5 s', '5S', '5d', '.5s', '1e3ms', '5s ', '٥s'])('%j is none', (text) => {
    expect(readMeasure('duration', text)).toEqual({ ok: false, expected: 'a duration with its unit such as 500ms, 5s or 2m' });
  });

  test.each(['0s', '0.0h', '0.1ms'])('%s is too short', (text) => {
    expect(readMeasure('duration', text)).toEqual({ ok: false, expected: 'a duration of at least 1ms' });
  });

  test('0s is fine where zero makes sense', () => {
    expect(readMeasure('duration_or_zero', '0s')).toEqual({ ok: true, value: 0 });
  });

  test.each(['2147483648ms', '597h', `${'9'.repeat(400)}s`])('%.20s is longer than a timer of Node can be', (text) => {
    expect(readMeasure('duration', text)).toEqual({ ok: false, expected: 'a duration of at most 2147483647ms (about 596h)' });
  });
});

describe('durations for which no timer is set may be of days', () => {
  test.each([
    ['30d', 2_592_000_000],
    ['1.5d', 129_600_000],
    ['12h', 43_200_000],
    ['3650d', 315_360_000_000],
  ])('%s is %i ms', (text, value) => {
    expect(readMeasure('duration_in_days', text)).toEqual({ ok: true, value });
  });

  test.each([
    ['30', 'a duration with its unit such as 12h or 30d'],
    ['1w', 'a duration with its unit such as 12h or 30d'],
    ['0d', 'a duration of at least 1ms and at most 3650d'],
    ['3651d', 'a duration of at least 1ms and at most 3650d'],
  ])('%j is none', (text, expected) => {
    expect(readMeasure('duration_in_days', text)).toEqual({ ok: false, expected });
  });
});

describe('sizes are bytes', () => {
  test.each([
    ['1B', 1],
    ['64KiB', 65_536],
    ['1.5KiB', 1536],
    ['512MiB', 536_870_912],
    ['2GiB', 2_147_483_648],
  ])('%s is %i', (text, value) => {
    expect(readMeasure('size', text)).toEqual({ ok: true, value });
  });

  test.each(['5MB', '64', '64kib', '1TiB', '5s'])('%j is none', (text) => {
    expect(readMeasure('size', text)).toMatchObject({ ok: false, expected: expect.stringContaining('64KiB') });
  });

  test.each([
    ['0B', 'a size of at least 1B'],
    ['8388608GiB', 'a size of at most 8388607GiB'],
  ])('%s is out of range', (text, expected) => {
    expect(readMeasure('size', text)).toEqual({ ok: false, expected });
  });
});
