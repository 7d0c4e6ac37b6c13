import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Occurrence } from '../../../lib/core/events.ts';
import { NOTHING, reduce } from '../../../ui/state.js';
import { BEGIN, consumer, snapshot, status, told, UNLOADED, UNLOADING, viewAfter } from '../../support/watched-events.ts';

const rowsOf = (view: typeof NOTHING) => view.rows.map(({ what, consumer: name, result, freedMib }) => [what, name, result, freedMib]);
const HEALTH = (consumerName: string, to: string): Occurrence => ({ type: 'health', consumer: consumerName, from: 'x', to, reason: 'GET /health: connect ECONNREFUSED' });

describe('what is told twice', () => {
  const events = [told(1, UNLOADING), told(2, UNLOADED), told(3, HEALTH('a', 'unhealthy'))];

  test('is shown once: an event that came before is not taken again', () => {
    const once = viewAfter(snapshot(), events);
    expect(rowsOf(once)).toEqual([['unload', 'a', 'done', 1990]]);
    expect(events.reduce((view, event) => reduce(view, { type: 'event', event }), once)).toEqual(once);
  });

  test('is shown once when the stream begins anew with a snapshot that holds it', () => {
    const once = viewAfter(snapshot(), events.slice(0, 2));
    const reset = reduce(once, { type: 'reset' });
    const again = reduce(reset, { type: 'snapshot', snapshot: snapshot({ events }), at: BEGIN + 9000 });
    expect(rowsOf(again)).toEqual(rowsOf(once));
    expect([again.lastId, again.isStale]).toEqual([3, false]);
  });

  test('is shown once wherever the stream breaks off, and however often', () => {
    const happened = [UNLOADING, UNLOADED, { ...UNLOADING, consumer: 'b' }, { ...UNLOADED, consumer: 'b' }, UNLOADING, UNLOADED].map((each, index) => told(index + 1, each));
    const whole = rowsOf(viewAfter(snapshot(), happened));
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: happened.length }), { maxLength: 6 }), (breaks) => {
      const stops = [...breaks.toSorted((a, b) => a - b), happened.length];
      const view = stops.reduce((before, stop) => {
        const fresh = happened.slice(0, stop);
        const begun = reduce(reduce(before, { type: 'reset' }), { type: 'snapshot', snapshot: snapshot({ events: fresh, last_id: stop }), at: BEGIN });
        return happened.slice(Math.max(0, stop - 1), stop).reduce((now, event) => reduce(now, { type: 'event', event }), begun);
      }, NOTHING);
      expect(rowsOf(view)).toEqual(whole);
    }));
  });
});

describe('a reset', () => {
  test('leaves what is shown, and takes nothing until the snapshot', () => {
    const before = viewAfter(snapshot(), [told(1, UNLOADING), told(2, UNLOADED)]);
    const reset = reduce(before, { type: 'reset' });
    expect({ ...reset, isStale: false }).toEqual(before);
    expect(reduce(reset, { type: 'event', event: told(3, UNLOADING) })).toEqual(reset);
  });

  test('with events that nobody kept says that the end of what was under way was not seen', () => {
    const before = viewAfter(snapshot(), [told(1, UNLOADING)]);
    const after = reduce(before, { type: 'snapshot', snapshot: snapshot({ last_id: 90, events: [told(90, HEALTH('b', 'healthy'))] }), at: BEGIN });
    expect(rowsOf(after)).toEqual([['unload', 'a', 'lost', null]]);
  });
});

describe('another run of the broker', () => {
  test('is said in the timeline, whose rows of the last run stay; its ids begin again', () => {
    const before = viewAfter(snapshot(), [told(1, UNLOADING), told(2, UNLOADED), told(3, UNLOADING)]);
    const events = [told(1, UNLOADING), told(2, UNLOADED)];
    const after = reduce(before, { type: 'snapshot', snapshot: snapshot({ boot: 'second', events }), at: BEGIN + 60_000 });
    expect(rowsOf(after)).toEqual([
      ['unload', 'a', 'done', 1990],
      ['restart', null, 'done', null],
      ['unload', 'a', 'lost', null],
      ['unload', 'a', 'done', 1990],
    ]);
    expect(new Set(after.rows.map(({ key }) => key)).size).toBe(4);
  });

  test('is not said of the first that the page sees', () => {
    expect(rowsOf(viewAfter(snapshot({ boot: 'x' })))).toEqual([]);
  });
});

describe('an event', () => {
  test('of an unloading begins a row, and its end completes it with what came free and how long it took', () => {
    const begun = viewAfter(snapshot(), [told(1, UNLOADING)]);
    expect(rowsOf(begun)).toEqual([['unload', 'a', 'running', null]]);
    const ended = reduce(begun, { type: 'event', event: told(2, UNLOADED) });
    expect(ended.rows).toEqual([expect.objectContaining({ at: BEGIN + 1000, result: 'done', for: 'b', explanation: 'b needs 2256 MiB', expectedMib: 2000, freedMib: 1990, ms: 500 })]);
  });

  test('of a load that failed says why', () => {
    const { rows } = viewAfter(snapshot(), [
      told(1, { type: 'loading', consumer: 'a', request: 'r' }),
      told(2, { type: 'loaded', consumer: 'a', request: 'r', result: 'failed', load_ms: 5, error: 'POST /load: 500' }),
    ]);
    expect(rows).toEqual([expect.objectContaining({ what: 'load', result: 'failed', error: 'POST /load: 500', ms: 5 })]);
  });

  test('of health, residency and pause changes the status that is shown', () => {
    const { status: shown, health } = viewAfter(snapshot(), [
      told(1, HEALTH('a', 'unhealthy')),
      told(2, { type: 'residency', consumer: 'b', from: 'resident', to: 'absent', reason: 'unloaded' }),
      told(3, { type: 'pause', paused: true, by: 'anna' }),
    ]);
    expect(shown?.consumers).toEqual([
      expect.objectContaining({ name: 'a', healthy: false, last_error: 'GET /health: connect ECONNREFUSED' }),
      expect.objectContaining({ name: 'b', residency: 'absent', loaded: false }),
    ]);
    expect(shown?.paused).toEqual({ since: told(3, UNLOADING).time, by: 'anna' });
    expect(health['a']).toEqual([{ at: BEGIN, to: 'healthy' }, { at: BEGIN + 1000, to: 'unhealthy' }]);
  });

  test('of a sample is a reading, and heals what is said of the card; a failed one leaves the numbers', () => {
    const sample = { type: 'sample', total_mib: 16_000, used_mib: 3000, free_mib: 13_000, consumers: { a: 1800 }, foreign_mib: 100, error: null } as const;
    const good = viewAfter(snapshot({ status: status(undefined, { err: 'no nvidia-smi' }) }), [told(1, sample)]);
    expect(good.status?.gpu).toMatchObject({ used_mib: 3000, free_mib: 13_000, err: undefined });
    expect(good.status?.consumers.map(({ gpu_resident_mib: mib }) => mib)).toEqual([1800, null]);
    expect(good.readings.at(-1)).toEqual({ at: BEGIN + 1000, totalMib: 16_000, usedMib: 3000, freeMib: 13_000, consumers: { a: 1800 }, foreignMib: 100, error: null });
    const bad = reduce(good, { type: 'event', event: told(2, { ...sample, used_mib: null, free_mib: null, consumers: {}, foreign_mib: null, error: 'it hangs' }) });
    expect(bad.status?.gpu).toMatchObject({ used_mib: 3000, err: 'it hangs' });
    expect(bad.status?.consumers.map(({ gpu_resident_mib: mib }) => mib)).toEqual([1800, null]);
  });

  test('of a consumer that is not known changes nothing but where the stream is', () => {
    const before = viewAfter(snapshot());
    const after = reduce(before, { type: 'event', event: told(1, { type: 'residency', consumer: 'new', from: 'absent', to: 'resident', reason: 'x' }) });
    expect(after).toEqual({ ...before, lastId: 1 });
  });
});

test('a consumer that the status no longer has is no longer shown', () => {
  const before = viewAfter(snapshot());
  const after = reduce(before, { type: 'status', status: status([consumer('b')]), at: BEGIN + 1 });
  expect(Object.keys(after.health)).toEqual(['b']);
});

test('while nobody looks, nothing is known of anybody\'s health', () => {
  const lost = reduce(viewAfter(snapshot()), { type: 'lost', at: BEGIN + 5000 });
  expect(lost.health['a']).toEqual([{ at: BEGIN, to: 'healthy' }, { at: BEGIN + 5000, to: 'unknown' }]);
});
