import { beforeEach, describe, expect, test } from '@jest/globals';
import type { GateRequest } from '../../../lib/core/gating.ts';
import { Outlooks } from '../../../lib/gpu/outlooks.ts';
import { Ticket } from '../../../lib/gpu/ticket.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ticketOf } from '../../support/tickets.ts';

const A = ticketOf({ sequence: 0, serial: 1 }).request;
const B = ticketOf({ sequence: 0, serial: 2 }).request;

let clock: ManualClock;
let waiting: Ticket[];
let concurrency: number;
let outlooks: Outlooks;
let sequence = 0;

beforeEach(() => {
  clock = new ManualClock();
  waiting = [];
  concurrency = 1;
  outlooks = new Outlooks({ clock, waiting: () => waiting, concurrency: () => concurrency, agingMs: () => 30_000 });
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
  outlooks.began(one);
  return one;
}

/** One has the card for so long, ms. */
function runs(one: Ticket, ms: number, didWork = true): void {
  starts(one);
  clock.pass(ms);
  outlooks.ended(one, didWork);
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
      { position: 1, waitMs: null },
      { position: 2, waitMs: null },
    ]);
  });

  test('is reckoned from how long each consumer takes', () => {
    runs(comes(A), 1000);
    runs(comes(B), 300);
    starts(comes(B));
    clock.pass(100);
    const all = [comes(A), comes(B), comes(A)];
    expect(all.map((each) => outlooks.of(each)?.waitMs)).toEqual([200, 1200, 1500]);
  });

  test('counts the room that was made for a request as its time', () => {
    const one = comes(A);
    Object.assign(one.times, { evict: 200, load: 700 });
    runs(one, 100);
    comes(A);
    expect(outlooks.of(comes(B))).toEqual({ position: 2, waitMs: 1000 });
  });

  test('learns nothing from one that did not reach its consumer, nor from one that its holder ends', () => {
    runs(comes(A), 50, false);
    runs(comes(A, { endsByHand: true }), 50);
    outlooks.ended(ticket(A), true);
    comes(A);
    expect(outlooks.of(comes(B))?.waitMs).toBeNull();
  });

  test('is unknown behind one that its holder ends', () => {
    runs(comes(A), 1000);
    starts(comes(A, { endsByHand: true }));
    expect(outlooks.of(comes(A))).toEqual({ position: 1, waitMs: null });
  });

  test('follows the number of leases that there may be', () => {
    runs(comes(A), 1000);
    starts(comes(A));
    const one = comes(A);
    expect(outlooks.of(one)?.waitMs).toBe(1000);
    concurrency = 2;
    clock.pass(501);
    expect(outlooks.of(one)?.waitMs).toBe(0);
  });
});

describe('what has been worked out', () => {
  test('is kept for half a second', () => {
    runs(comes(A), 1000);
    starts(comes(A));
    const one = comes(A);
    expect(outlooks.of(one)?.waitMs).toBe(1000);
    clock.pass(500);
    expect(outlooks.of(one)?.waitMs).toBe(1000);
    clock.pass(1);
    expect(outlooks.of(one)?.waitMs).toBe(499);
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
    expect(outlooks.of(comes(A))?.waitMs).toBe(1000);
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

  test('is nothing at a free card', () => {
    expect(outlooks.waitOf(ticket(A))).toBe(0);
  });
});
