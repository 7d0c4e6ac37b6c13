import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BrokerEvent } from '../../../lib/core/events.ts';
import { EventLog } from '../../../lib/events/event-log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const KEPT = 2000;
let clock: ManualClock;
let log: EventLog;
beforeEach(() => {
  clock = new ManualClock();
  log = new EventLog(clock);
});

function note(count: number): void {
  for (let index = 0; index < count; index += 1) log.note({ type: 'pause', paused: true, by: String(index) });
}
const ids = (events: readonly BrokerEvent[] | null): number[] | null => events?.map(({ id }) => id) ?? null;

describe('the log', () => {
  test('gives each event the next id and the time of day', () => {
    note(1);
    clock.pass(1500);
    note(1);
    expect(log.all()).toEqual([
      { type: 'pause', paused: true, by: '0', id: 1, time: '1970-01-01T00:16:40.000Z' },
      { type: 'pause', paused: true, by: '0', id: 2, time: '1970-01-01T00:16:41.500Z' },
    ]);
    expect(log.lastId).toBe(2);
  });

  test.each([KEPT - 1, KEPT, KEPT + 1, 2 * KEPT, 2 * KEPT + 7])('keeps the newest 2000 of %d, oldest first', (count) => {
    note(count);
    const first = Math.max(1, count - KEPT + 1);
    expect(ids(log.all())).toEqual(Array.from({ length: count - first + 1 }, (_, index) => first + index));
  });

  test.each([5, KEPT, KEPT + 5])('says what came after an event as long as all of that is kept (%d noted)', (count) => {
    note(count);
    const oldest = Math.max(0, count - KEPT);
    expect(ids(log.since(count))).toEqual([]);
    expect(ids(log.since(count - 2))).toEqual([count - 1, count]);
    expect(log.since(oldest)).toHaveLength(count - oldest);
    expect(log.since(oldest - 1)).toBeNull();
    expect(log.since(count + 1)).toBeNull();
    expect([log.keeps(oldest - 1), log.keeps(oldest), log.keeps(count), log.keeps(count + 1)]).toEqual([false, true, true, false]);
  });

  test('of a broker in which nothing has happened has nothing, and nothing is missed', () => {
    expect([log.lastId, log.all(), log.since(0), log.since(1)]).toEqual([0, [], [], null]);
  });

  test('tells each event in the turn in which it happens, until that is ended', () => {
    const told: number[] = [];
    const stop = log.listen(({ id }) => told.push(id));
    note(2);
    expect(told).toEqual([1, 2]);
    stop();
    note(1);
    expect(told).toEqual([1, 2]);
  });
});
