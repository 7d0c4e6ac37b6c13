import { describe, expect, test } from '@jest/globals';
import type { Reading } from '../../../ui/types.ts';
import { merged, readingIn, readingsInHistory, withReading } from '../../../ui/readings.js';
import { BEGIN, consumer, status } from '../../support/watched-events.ts';

const at = (ms: number): Reading => ({ at: BEGIN + ms, totalMib: 1, usedMib: 1, freeMib: 0, consumers: {}, foreignMib: 0, error: null });
const DAY_MS = 86_400_000;

describe('readings', () => {
  test('of a day stay few: all of the last ten minutes, one a minute before', () => {
    let readings: readonly Reading[] = [];
    for (let ms = 0; ms < DAY_MS + 3_600_000; ms += 2000) readings = withReading(readings, at(ms));
    expect(readings.length).toBeLessThan(1440 + 300 + 130);
    expect(readings.length).toBeGreaterThan(1440 + 290);
    expect(readings.at(-1)?.at).toBe(BEGIN + DAY_MS + 3_600_000 - 2000);
    expect(readings.every((reading, index) => reading.at > (readings[index - 1]?.at ?? 0))).toBe(true);
  });

  test('that come late or again find their place, each once', () => {
    const readings = [at(1000), at(3000)];
    expect(withReading(readings, at(2000)).map((each) => each.at - BEGIN)).toEqual([1000, 2000, 3000]);
    expect(withReading(readings, at(3000))).toHaveLength(2);
    expect(merged(readings, [at(500), at(1000)]).map((each) => each.at - BEGIN)).toEqual([500, 1000, 3000]);
    expect(merged(readings, [])).toBe(readings);
  });

  test('are read from a status, unknown things as unknown', () => {
    const known = status([consumer('a', { gpu_resident_mib: 7 }), consumer('b')], { foreign: [{ pid: 1, name: 'x', mib: 4 }, { pid: 2, name: 'y', mib: 5 }] });
    expect(readingIn(known, 0)).toMatchObject({ at: BEGIN, consumers: { a: 7 }, foreignMib: 9, error: null });
    expect(readingIn(status([], { last_sample: null, foreign: [{ pid: 1, name: 'x', mib: null }], err: 'no card' }), 5)).toMatchObject({ at: 5, foreignMib: null, error: 'no card' });
  });

  test('are read from a history, whose consumers may be an object or its text; what is no row is left out', () => {
    const time = new Date(BEGIN).toISOString();
    const row = { time, total_mib: 10, used_mib: 5, free_mib: 5, foreign_mib: null };
    const rows = [{ ...row, consumers: { a: 2, b: 'x' } }, { ...row, consumers: '{"a":3}' }, { ...row, consumers: 'nonsense' }, { ...row, time: 'never' }, null, 7];
    expect(readingsInHistory({ rows }).map(({ at: when, consumers, foreignMib }) => [when, consumers, foreignMib])).toEqual([[BEGIN, { a: 2 }, null], [BEGIN, { a: 3 }, null], [BEGIN, {}, null]]);
    for (const body of [null, 'x', {}, { rows: 1 }]) expect(readingsInHistory(body)).toEqual([]);
  });
});
