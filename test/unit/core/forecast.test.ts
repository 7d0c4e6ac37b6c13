import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeOutlook, forecast } from '../../../lib/core/forecast.ts';
import type { Outlook, QueueFacts, Runner, Waiter } from '../../../lib/core/forecast.ts';
import type { Expected, Unknown } from '../../../lib/core/pace.ts';
import { chooseNext } from '../../../lib/core/queue-order.ts';
import type { ConsumerTimes } from '../../../lib/core/room-forecast.ts';

const AGING_MS = 30_000;
const NOW = 1_000_000;

/** How long each takes, and where it is more than that what sets it apart; they came in this order, just now. Each has a consumer of its own. */
interface Said extends Partial<Waiter> {
  readonly ms?: number | null;
}
type Told = number | null | Said;

/** Who waits, and what is otherwise than usual. */
interface Situation extends Partial<Omit<QueueFacts, 'waiting'>> {
  readonly waiting: readonly Told[];
}

/** Exactly so long; null: nobody knows. */
const takes = (ms: number | null): Expected | Unknown => (ms === null ? 'no history' : { ms, lowMs: ms, highMs: ms });
const timeOf = (wait: Expected | Unknown | undefined): number | null => (typeof wait === 'object' ? wait.ms : null);
const saidOf = (told: Told): Said => (typeof told === 'object' && told !== null ? told : { ms: told });

function waitersOf(all: readonly Told[]): Waiter[] {
  return all.map((told, sequence) => {
    const usual = { priority: 2, enqueuedAt: NOW, sequence, consumer: `c${sequence}`, work: 'exchange', endsByHand: false, isHeld: false, admittedForMs: null } as const;
    return { ...usual, ...saidOf(told) };
  });
}

/** Their consumers are resident. */
function consumersOf(all: readonly Told[]): ReadonlyMap<string, ConsumerTimes> {
  return new Map(all.map((told, index) => [`c${index}`, resident(saidOf(told).ms === undefined ? 1000 : (saidOf(told).ms ?? null))]));
}

function resident(ms: number | null): ConsumerTimes {
  return { run: takes(ms), load: null, unload: 'no history', isResident: true, evicts: [] };
}

/** One that has run for so long, ms. */
function running(ms: number | null, forMs = 0): Runner {
  return { startedAt: NOW - forMs, expected: takes(ms) };
}

function outlooksOf(waiting: readonly Told[], facts: Partial<QueueFacts> = {}): ReadonlyMap<number, Outlook> {
  return forecast({ waiting: waitersOf(waiting), consumers: consumersOf(waiting), running: [], concurrency: 1, now: NOW, agingMs: AGING_MS, ...facts });
}

/** Those who wait, in the order of their positions: when each gets its turn. */
function waits(waiting: readonly Told[], facts: Partial<QueueFacts> = {}): (number | null)[] {
  return inOrder(outlooksOf(waiting, facts)).map(([, { wait }]) => timeOf(wait));
}

function order(...waiting: readonly Told[]): number[] {
  return inOrder(outlooksOf(waiting)).map(([sequence]) => sequence);
}

function inOrder(outlooks: ReadonlyMap<number, Outlook>): (readonly [number, Outlook])[] {
  return [...outlooks].toSorted(([, a], [, b]) => a.position - b.position);
}

test('where nobody waits nobody has an outlook', () => {
  expect(waits([], { running: [running(1000)] })).toEqual([]);
});

describe('the wait', () => {
  test.each<readonly [string, Situation, readonly (number | null)[]]>([
    ['at a free card is none for the first, then what those before take', { waiting: [1000, 300, 50] }, [0, 1000, 1300]],
    ['behind one that runs is what is left of it', { waiting: [300, 50], running: [running(1000, 400)] }, [600, 900]],
    ['behind one that has overrun its time is a tenth of that time', { waiting: [300, 50], running: [running(1000, 5000)] }, [100, 400]],
    ['behind one of which nothing is known is unknown', { waiting: [300, 50], running: [running(null, 5)] }, [null, null]],
    ['of one of which nothing is known is known, and that of all behind it is not', { waiting: [300, null, 50, 50] }, [0, 300, null, null]],
    ['at two places is until the first of them is free', { waiting: [1000, 300, 50, 10], concurrency: 2 }, [0, 0, 300, 350]],
    ['is none at a free place beside one of which nothing is known', { waiting: [300, 50], running: [running(null)], concurrency: 2 }, [0, null]],
    ['is unknown where the place of which nothing is known may be the first', { waiting: [300], running: [running(null), running(10)], concurrency: 2 }, [null]],
    ['takes both places into account', { waiting: [300, 50, 50], running: [running(500), running(100)], concurrency: 2 }, [100, 400, 450]],
    ['is at the place that is free first, also after others have taken theirs', { waiting: [600, 50], running: [running(500), running(100)], concurrency: 2 }, [100, 500]],
    ['is unknown once one of which nothing is known has a place', { waiting: [null, 50], running: [running(500), running(100)], concurrency: 2 }, [100, null]],
    ['lasts until fewer run than a lowered limit allows', { waiting: [300, 50], running: [running(500), running(100), running(200)], concurrency: 1 }, [500, 800]],
    ['is unknown while one of too many that run is', { waiting: [300], running: [running(500), running(null)], concurrency: 1 }, [null]],
  ])('%s', (_name, { waiting, ...facts }, expected) => {
    expect(waits(waiting, facts)).toEqual(expected);
  });
});

describe('the order', () => {
  test('is that of arrival among equals', () => {
    expect(order(10, 10, 10)).toEqual([0, 1, 2]);
    expect(order({ sequence: 7 }, { sequence: 3 }, { sequence: 5 })).toEqual([3, 5, 7]);
  });
  test('begins with the most urgent, and who works by hand comes before all', () => {
    const byHand = { priority: Number.POSITIVE_INFINITY };
    expect(order({ priority: 0 }, { priority: 4 }, { priority: 2 }, byHand, byHand)).toEqual([3, 4, 1, 2, 0]);
  });
  test('counts one step of urgency for each time of aging', () => {
    expect(order({ enqueuedAt: NOW - AGING_MS + 1 }, { priority: 3 })).toEqual([1, 0]);
    expect(order({ enqueuedAt: NOW - AGING_MS }, { priority: 3 })).toEqual([0, 1]);
  });
});

describe('the range', () => {
  const about = (ms: number, by: number): Expected => ({ ms, lowMs: ms - by, highMs: ms + by });
  const waiters = waitersOf([1, 1, 1]).map((each) => ({ ...each, consumer: 'c' }));
  const rangeOf = (facts: Partial<QueueFacts>) =>
    [...forecast({ waiting: waiters, consumers: new Map([['c', { ...resident(0), run: about(100, 30) }]]), running: [], concurrency: 1, now: NOW, agingMs: AGING_MS, ...facts }).values()].map(({ wait }) => wait);

  test('grows with what is before, but less than the sum', () => {
    expect(rangeOf({})).toEqual([about(0, 0), about(100, 30), { ms: 200, lowMs: expect.closeTo(200 - 30 * Math.SQRT2), highMs: expect.closeTo(200 + 30 * Math.SQRT2) }]);
  });
  test('of what runs shrinks from below as it goes on', () => {
    expect(rangeOf({ running: [{ startedAt: NOW - 90, expected: about(100, 30) }] })[0]).toEqual({ ms: 10, lowMs: 0, highMs: 40 });
    expect(rangeOf({ running: [{ startedAt: NOW - 900, expected: about(100, 30) }] })[0]).toEqual({ ms: 10, lowMs: 0, highMs: 10 });
  });
});

describe('room', () => {
  const A: ConsumerTimes = { run: takes(100), load: takes(5000), unload: takes(700), isResident: true, evicts: [] };
  const B: ConsumerTimes = { run: takes(10), load: takes(2000), unload: takes(300), isResident: false, evicts: ['a'] };
  const consumers = new Map([['a', A], ['b', B]]);
  const at = (names: readonly string[], { change = {}, ...facts }: { change?: Partial<ConsumerTimes>; first?: Partial<Waiter> } = {}) => {
    const waiting = waitersOf(names.map(() => 0)).map((each, index) => ({ ...each, consumer: names[index] ?? '', ...(index === 0 ? facts.first : {}) }));
    return inOrder(outlooksOf([], { waiting, consumers: new Map([...consumers, ['b', { ...B, ...change }]]) })).map(([, { wait }]) => (typeof wait === 'string' ? wait : wait.ms));
  };

  test('is made once for all that come one after the other', () => {
    expect(at(['b', 'b', 'b'])).toEqual([2700, 2710, 2720]);
  });
  test('has to be made again each time that two who exclude each other take turns', () => {
    expect(at(['a', 'b', 'a', 'a', 'b'])).toEqual([0, 2800, 2810 + 5300, 2810 + 5400, 2810 + 5500 + 2700]);
  });
  test('takes only the unloading where the consumer loads while it runs', () => {
    expect(at(['b', 'b'], { change: { load: null } })).toEqual([700, 710]);
  });
  test('that nobody has measured makes the time unknown, also for those behind', () => {
    expect(at(['a', 'b', 'a'], { change: { load: 'no history' } })).toEqual([0, 'no history', 'no history']);
  });
  test('that is being made counts as far as it is still to be done', () => {
    expect(at(['b', 'b'], { first: { admittedForMs: 1700 } })).toEqual([1000, 1010]);
  });
  test('by hand: a load takes its load, an unload its unload, and the next one loads again', () => {
    expect(at(['a', 'b', 'a'], { first: { work: 'unload' } })).toEqual([700, 700 + 2000, 2710 + 5300]);
    expect(at(['b', 'b'], { first: { work: 'load' } })).toEqual([2700, 2700]);
  });
  test('that was made by hand costs whoever comes back its load, and nobody else an unloading', () => {
    expect(at(['a', 'a'], { first: { work: 'unload' } })).toEqual([700, 5700]);
  });
  test('that another had and has given up by hand since costs only the load', () => {
    const steps = [['b', 'exchange'], ['b', 'unload'], ['a', 'exchange']] as const;
    const waiting = waitersOf(steps.map(() => 0)).map((each, index) => ({ ...each, consumer: steps[index]?.[0] ?? '', work: steps[index]?.[1] ?? 'exchange' }));
    expect(inOrder(outlooksOf([], { waiting, consumers })).map(([, { wait }]) => timeOf(wait))).toEqual([2700, 3010, 8010]);
  });
  test('whose unloading nobody has measured makes the time unknown, whatever the load takes', () => {
    expect(at(['b'], { change: { evicts: ['gone'] } })).toEqual(['no history']);
  });
  test('of a consumer of which nothing is known takes a time that nobody knows', () => {
    expect(at(['gone', 'a'])).toEqual(['no history', 'no history']);
    expect(at(['gone'], { first: { work: 'unload' } })).toEqual(['no history']);
  });
  test('is not made for one whose turn others than us hold up', () => {
    expect(at(['b', 'a'], { first: { isHeld: true } })).toEqual(['held', 0]);
  });
  test('is needed by one that is resident and has to grow', () => {
    expect(at(['b'], { change: { isResident: true } })).toEqual([700]);
  });
  test('and its turn are two things', () => {
    const [outlook] = outlooksOf([], { waiting: waitersOf([0]).map((each) => ({ ...each, consumer: 'b' })), consumers }).values();
    expect(outlook).toEqual({ position: 1, turn: takes(0), wait: takes(2700) });
  });
});

test('one whose turn others than us hold up has no time, and does not hold up the others', () => {
  expect(waits([{ isHeld: true }, 300, 50])).toEqual([null, 0, 300]);
  expect(inOrder(outlooksOf([{ isHeld: true }]))[0]?.[1].wait).toBe('held');
});

test('behind a lease by hand nobody knows the time', () => {
  const waiting = [{ endsByHand: true }, 300];
  expect(inOrder(outlooksOf(waiting)).map(([, { wait }]) => wait)).toEqual([takes(0), 'lease by hand']);
});

test('one for whom room is being made is the first, whoever has come since', () => {
  expect(order({ priority: 4 }, { priority: 0, admittedForMs: 5 })).toEqual([1, 0]);
});

const ms = fc.option(fc.integer({ min: 0, max: 100_000 }));
const priority = fc.constantFrom(0, 1, 2, 3, 4, Number.POSITIVE_INFINITY);
const waitingOf = (time: fc.Arbitrary<number | null>) =>
  fc.array(fc.record({ priority, enqueuedAt: fc.integer({ min: NOW - 5 * AGING_MS, max: NOW }), ms: time }), { maxLength: 12 });
const runningOf = (time: fc.Arbitrary<number | null>) =>
  fc.array(fc.record({ startedAt: fc.integer({ min: NOW - 200_000, max: NOW }), expected: time.map(takes) }), { maxLength: 4 });
const queueOf = (time: fc.Arbitrary<number | null>) =>
  fc
    .record({ all: waitingOf(time), running: runningOf(time), concurrency: fc.integer({ min: 1, max: 4 }) })
    .map(({ all, ...facts }): QueueFacts => ({ ...facts, waiting: waitersOf(all), consumers: consumersOf(all), now: NOW, agingMs: AGING_MS }));
const queue = queueOf(ms);

describe('whatever waits and runs,', () => {
  test('the positions are 1 to n, and everybody has one', () => {
    fc.assert(
      fc.property(queue, (facts) => {
        const outlooks = forecast(facts);
        expect([...outlooks.keys()].toSorted((a, b) => a - b)).toEqual(facts.waiting.map(({ sequence }) => sequence));
        expect(inOrder(outlooks).map(([, { position }]) => position)).toEqual(facts.waiting.map((_, index) => index + 1));
      }),
    );
  });

  test('the order is that in which the gate would choose them one after the other', () => {
    fc.assert(
      fc.property(queue, (facts) => {
        const left = new Set(facts.waiting);
        const chosen: number[] = [];
        for (let next = chooseNext(left, NOW, AGING_MS); next !== null; next = chooseNext(left, NOW, AGING_MS)) {
          left.delete(next);
          chosen.push(next.sequence);
        }
        expect(inOrder(forecast(facts)).map(([sequence]) => sequence)).toEqual(chosen);
      }),
    );
  });

  test('no wait is shorter than that of the one before, and behind an unknown one none is known', () => {
    fc.assert(
      fc.property(queue, (facts) => {
        const known = inOrder(forecast(facts)).map(([, { wait }]) => timeOf(wait) ?? Number.POSITIVE_INFINITY);
        expect(known).toEqual(known.toSorted((a, b) => a - b));
      }),
    );
  });

  test('a further place makes nobody wait longer', () => {
    fc.assert(
      fc.property(queueOf(fc.integer({ min: 0, max: 100_000 })), (facts) => {
        const more = forecast({ ...facts, concurrency: facts.concurrency + 1 });
        for (const [sequence, { wait }] of forecast(facts)) expect(timeOf(more.get(sequence)?.wait)).toBeLessThanOrEqual(timeOf(wait) ?? Number.NaN);
      }),
    );
  });
});

test.each<[number, number | null, string]>([
  [3, 12_400, 'position 3, about 12 s'],
  [1, 1500, 'position 1, about 2 s'],
  [1, 0, 'position 1, about 1 s'],
  [2, null, 'position 2'],
])('position %j and a wait of %j ms are told as %j', (position, waitMs, text) => {
  expect(describeOutlook({ position, turn: takes(waitMs), wait: takes(waitMs) })).toBe(text);
});
