import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Reading, WaitingEntry } from '../../../ui/types.ts';
import { bar, ghost, layers } from '../../../ui/vram.js';
import { BEGIN, consumer, EMPTY_QUEUE, status } from '../../support/watched-events.ts';

const reading = (over: Partial<Reading> = {}): Reading => ({ at: BEGIN, totalMib: 16_000, usedMib: 5000, freeMib: 11_000, consumers: {}, foreignMib: 0, error: null, ...over });
const waits = (name: string, position: number): WaitingEntry => ({
  id: `w${position}`, kind: 'llm', consumer: name, model: null, client: null, since: '', position, wait_ms: 0, estimated_wait_ms: null, estimated_wait_range_ms: null, will_evict: [{ consumer: 'a', frees_mib: 2000 }],
});
const partsOf = (shown: ReturnType<typeof bar>) => shown?.parts.map(({ kind, name, mib }) => [kind, name, mib]);

describe('the bar', () => {
  test('shows consumers by name, foreign memory, what nobody accounts for, and what is free', () => {
    expect(partsOf(bar(status(), reading({ consumers: { b: 1000, a: 2000, c: 0 }, foreignMib: 500 })))).toEqual([
      ['consumer', 'a', 2000],
      ['consumer', 'b', 1000],
      ['foreign', 'foreign', 500],
      ['other', 'not accounted for', 1500],
      ['free', 'free', 11_000],
    ]);
  });

  test('adds up to the card whatever is read', () => {
    const mib = fc.integer({ min: 0, max: 5000 });
    fc.assert(fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'c'), mib), fc.option(mib), fc.integer({ min: 0, max: 20_000 }), (consumers, foreignMib, usedMib) => {
      const shown = bar(status(), reading({ totalMib: 24_000, consumers, foreignMib, usedMib }));
      expect(shown?.parts.reduce((sum, part) => sum + part.mib, 0)).toBe(24_000);
      expect(shown?.parts.every((part) => part.mib > 0)).toBe(true);
    }));
  });

  test('goes by the declared sizes of what is loaded while the card cannot be read, and says so', () => {
    const consumers = [consumer('a'), consumer('b', { residency: 'absent' })];
    const shown = bar(status(consumers), reading({ usedMib: null, totalMib: null, error: 'no nvidia-smi' }));
    expect([shown?.isMeasured, partsOf(shown)]).toEqual([false, [['consumer', 'a', 2000], ['free', 'free', 14_000]]]);
    expect(bar(status(consumers, { total_mib: null }), undefined)).toBeNull();
  });
});

describe('the ghost', () => {
  const absent = [consumer('a'), consumer('b', { residency: 'absent', vram_budget_mib: 12_000 })];

  test('is what the next waiting request needs, how much of that is missing, and who has to go', () => {
    const queue = { ...EMPTY_QUEUE, waiting: [waits('a', 2), waits('b', 1)], waiting_total: 2 };
    expect(ghost(queue, status(absent), reading())).toEqual({ consumer: 'b', needMib: 12_000, missingMib: 1000, evicts: [{ consumer: 'a', frees_mib: 2000 }] });
    expect(ghost(queue, status(absent), reading({ consumers: { b: 400 } }))).toMatchObject({ needMib: 11_600, missingMib: 600 });
  });

  test('is not there for one that is loaded, one of unknown size, or nobody', () => {
    const queue = { ...EMPTY_QUEUE, waiting: [waits('a', 1)], waiting_total: 1 };
    expect(ghost(queue, status(absent), reading())).toBeNull();
    expect(ghost(queue, status([consumer('a', { residency: 'absent', vram_budget_mib: null })]), reading())).toBeNull();
    expect(ghost(EMPTY_QUEUE, status(absent), reading())).toBeNull();
    expect(ghost(null, status(absent), undefined)).toBeNull();
  });
});

describe('the layers of the chart', () => {
  test('lie on each other, and a longer silence is a gap', () => {
    const readings = [reading({ consumers: { a: 10, b: 5 }, foreignMib: 3, usedMib: 20 }), reading({ at: BEGIN + 60_000, consumers: { b: 7 }, foreignMib: null, usedMib: null }), reading({ at: BEGIN + 600_000 })];
    const { times, tops, foreign, used } = layers(readings, ['a', 'b']);
    expect(times).toEqual([BEGIN, BEGIN + 60_000, BEGIN + 60_001, BEGIN + 600_000].map((ms) => ms / 1000));
    expect(tops).toEqual([[10, 0, null, 0], [15, 7, null, 0]]);
    expect(foreign).toEqual([18, null, null, 0]);
    expect(used).toEqual([20, null, null, 5000]);
  });
});
