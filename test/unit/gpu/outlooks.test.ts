import { beforeEach, describe, expect, test } from '@jest/globals';
import type { GatedConsumer, GateRequest } from '../../../lib/core/gating.ts';
import { Outlooks } from '../../../lib/gpu/outlooks.ts';
import type { Room } from '../../../lib/gpu/rooms.ts';
import { Ticket } from '../../../lib/gpu/ticket.ts';
import { configuredConsumer } from '../../support/configured.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ticketOf } from '../../support/tickets.ts';

const A = ticketOf({ sequence: 0, serial: 1 }).request;
const B = ticketOf({ sequence: 0, serial: 2 }).request;
const LOADED = { ...A, consumerConfig: configuredConsumer({ load: { path: '/load' } }) };

let clock: ManualClock;
let waiting: Ticket[];
let running: { readonly ticket: Ticket; readonly startedAt: number }[];
let rooms: Map<GatedConsumer, Room>;
let concurrency: number;
let outlooks: Outlooks;
let sequence = 0;

beforeEach(() => {
  clock = new ManualClock();
  waiting = [];
  running = [];
  rooms = new Map();
  concurrency = 1;
  const settings = () => ({ gpu: { ...A.config.gpu, concurrency }, queue: A.config.queue });
  const work = {
    all: () => running,
    get count() {
      return running.length;
    },
  };
  const consumers = { byName: (name: string) => [A, B].find(({ consumer }) => consumer.name === name)?.consumer ?? null };
  const roomFor = (consumer: GatedConsumer): Room => rooms.get(consumer) ?? { willEvict: [], heldBy: [] };
  outlooks = new Outlooks({ clock, waiting: () => waiting, work, consumers, roomFor, settings });
});

function ticket(request: GateRequest, facts: Partial<GateRequest> = {}): Ticket {
  return new Ticket({ ...request, ...facts }, sequence++, clock.now());
}

/** One more waits. */
function comes(request: GateRequest, facts: Partial<GateRequest> = {}): Ticket {
  const one = ticket(request, facts);
  waiting.push(one);
  return one;
}

/** One gets the card. */
function starts(one: Ticket): Ticket {
  waiting = waiting.filter((each) => each !== one);
  outlooks.admitted(one);
  running.push({ ticket: one, startedAt: clock.now() });
  return one;
}

/** One has the card for so long, ms. */
function runs(one: Ticket, ms: number): void {
  starts(one);
  clock.pass(ms);
  running = running.filter(({ ticket }) => ticket !== one);
  outlooks.ran(one, ms);
}

/** Until it is served, ms; null: nobody knows. */
function waitOf(one: Ticket): number | null | undefined {
  const wait = outlooks.of(one)?.wait;
  return typeof wait === 'string' ? null : wait?.ms;
}

describe('where a request stands', () => {
  test('is nowhere, unless it waits', () => {
    const one = ticket(A);
    expect(outlooks.of(one)).toBeNull();
    starts(one);
    expect(outlooks.of(one)).toBeNull();
  });

  test('is a position alone until one of those before it has ended once', () => {
    starts(comes(A));
    const [first, second] = [comes(A), comes(B)];
    expect([first, second].map((each) => outlooks.of(each))).toEqual([
      { position: 1, turn: 'no history', wait: 'no history' },
      { position: 2, turn: 'no history', wait: 'no history' },
    ]);
  });

  test('is reckoned from how long each consumer takes', () => {
    runs(comes(A), 1000);
    runs(comes(B), 300);
    starts(comes(B));
    clock.pass(100);
    const all = [comes(A), comes(B), comes(A)];
    expect(all.map(waitOf)).toEqual([200, 1200, 1500]);
  });

  test('counts room that has to be made, from what it took before: apart from the run', () => {
    const one = comes(B);
    Object.assign(one.times, { evict: 200, load: 700 });
    one.unloads.push({ consumer: A.consumer, ms: 200 });
    runs(one, 100);
    rooms.set(B.consumer, { willEvict: [{ consumer: A.consumer.name, freesMib: 1000 }], heldBy: [] });
    expect([comes(B), comes(B)].map(waitOf)).toEqual([200, 300]);
  });

  test('is not known, nor in the way of others, while work of others holds it up', () => {
    rooms.set(A.consumer, { willEvict: [], heldBy: [B.consumer.name] });
    const [held, free] = [comes(A), comes(B)];
    expect([outlooks.of(held)?.wait, waitOf(free)]).toEqual(['held', 0]);
  });

  test('learns nothing from one that its holder ends', () => {
    runs(comes(A, { endsByHand: true }), 50);
    comes(A);
    expect(waitOf(comes(B))).toBeNull();
  });

  test('is unknown behind one that its holder ends', () => {
    runs(comes(A), 1000);
    starts(comes(A, { endsByHand: true }));
    expect(outlooks.of(comes(A))).toEqual({ position: 1, turn: 'lease by hand', wait: 'lease by hand' });
  });

  test('follows the number of leases that there may be', () => {
    runs(comes(A), 1000);
    starts(comes(A));
    const one = comes(A);
    expect(waitOf(one)).toBe(1000);
    concurrency = 2;
    clock.pass(501);
    expect(waitOf(one)).toBe(0);
  });
});

describe('what has been worked out', () => {
  test('is kept for half a second', () => {
    runs(comes(A), 1000);
    starts(comes(A));
    const one = comes(A);
    expect(waitOf(one)).toBe(1000);
    clock.pass(500);
    expect(waitOf(one)).toBe(1000);
    clock.pass(1);
    expect(waitOf(one)).toBe(499);
  });

  test('is not kept from one that has come since', () => {
    const one = comes(A);
    outlooks.of(one);
    expect(outlooks.of(comes(A))?.position).toBe(2);
  });
});

describe('how long one that comes now would wait', () => {
  test('is said when enough have ended', () => {
    runs(comes(A), 1000);
    runs(comes(A), 1000);
    starts(comes(A));
    expect(outlooks.waitOf(ticket(A))).toBeNull();
    expect(waitOf(comes(A))).toBe(1000);
  });

  test('counts all who wait, and itself not among them', () => {
    for (let times = 0; times < 3; times += 1) runs(comes(A), 1000);
    starts(comes(A));
    comes(A);
    expect(outlooks.waitOf(ticket(A))).toBe(2000);
    expect(outlooks.waitOf(ticket(B))).toBe(2000);
    expect(waiting).toHaveLength(1);
  });

  test('does not count those whom it comes before', () => {
    for (let times = 0; times < 3; times += 1) runs(comes(A), 1000);
    starts(comes(A));
    comes(A);
    const urgent = ticketOf({ sequence: sequence++, serial: 1, priority: 4, enqueuedAt: clock.now() });
    expect(outlooks.waitOf(urgent)).toBe(1000);
  });

  test('counts its own room, and nothing for that as long as it is not known for sure', () => {
    const load = (): Ticket => Object.assign(ticket(LOADED), { times: { load: 500 } });
    const late = ticket(LOADED);
    expect(outlooks.waitOf(late)).toBe(0);
    for (let times = 0; times < 3; times += 1) outlooks.admitted(load());
    expect(outlooks.waitOf(late)).toBe(500);
  });

  test('is nothing at a free card', () => {
    expect(outlooks.waitOf(ticket(A))).toBe(0);
  });
});
