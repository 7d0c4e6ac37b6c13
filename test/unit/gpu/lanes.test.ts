import { beforeEach, describe, expect, test } from '@jest/globals';
import { Lanes } from '../../../lib/gpu/lanes.ts';
import type { Ticket } from '../../../lib/gpu/ticket.ts';
import { ticketOf } from '../../support/tickets.ts';
import type { TicketFacts } from '../../support/tickets.ts';

const AGING_MS = 30_000;
let now: number;
let isOpen: boolean;
let blocked: Set<number>;
let lanes: Lanes;
let started: number[];

beforeEach(() => {
  now = 0;
  isOpen = true;
  blocked = new Set();
  started = [];
  lanes = new Lanes({
    isOpen: () => isOpen,
    isAdmissible: ({ request }) => !blocked.has(request.consumer.serial),
    now: () => now,
    agingMs: () => AGING_MS,
  });
});

const made = new Map<number, Ticket>();

function add(facts: TicketFacts): Ticket {
  const ticket = ticketOf({ enqueuedAt: now, ...facts });
  made.set(ticket.sequence, ticket);
  lanes.add(ticket, async () => started.push(ticket.sequence));
  return ticket;
}

/** Has the ticket leave that was last made with this number. */
function leave(sequence: number): boolean {
  const ticket = made.get(sequence);
  return ticket !== undefined && lanes.remove(ticket);
}

function addAll(...sequences: readonly number[]): void {
  for (const sequence of sequences) add({ sequence });
}

/** Starts everybody who may be served, in order. */
function startAll(): number[] {
  for (let run = lanes.takeNext(); run !== undefined; run = lanes.takeNext()) void run();
  return started;
}

describe('when nobody waits', () => {
  test('nobody is served, and nothing is the oldest', () => {
    expect(lanes.next()).toBeNull();
    expect(lanes.takeNext()).toBeUndefined();
    expect(lanes.oldestEnqueuedAt()).toBeNull();
    expect(lanes.tickets()).toEqual([]);
  });
  test('cancelling changes nothing', () => {
    expect(lanes.remove(ticketOf({ sequence: 7 }))).toBe(false);
    expect(lanes.find(7)).toBeNull();
    expect(lanes.next()).toBeNull();
  });
});

describe('are served', () => {
  test('first come first, within a consumer and across consumers', () => {
    add({ sequence: 0, serial: 1 });
    add({ sequence: 1, serial: 2 });
    add({ sequence: 2, serial: 1 });
    add({ sequence: 3, serial: 3 });
    expect(startAll()).toEqual([0, 1, 2, 3]);
  });
  test('more urgent ones before less urgent ones', () => {
    add({ sequence: 0, serial: 1, priority: 0 });
    add({ sequence: 1, serial: 2, priority: 4 });
    add({ sequence: 2, serial: 3, priority: 2 });
    expect(startAll()).toEqual([1, 2, 0]);
  });
  test('those who have waited long before more urgent ones that have just come', () => {
    add({ sequence: 0, serial: 1, priority: 0 });
    now = 4 * AGING_MS - 1;
    add({ sequence: 1, serial: 2, priority: 4 });
    expect(lanes.next()?.sequence).toBe(1);
    now += 1;
    expect(startAll()).toEqual([0, 1]);
  });
  test('requests by hand before all others', () => {
    add({ sequence: 0, priority: 4 });
    now = 999 * AGING_MS;
    add({ sequence: 1, priority: 0, work: 'unload' });
    expect(startAll()).toEqual([1, 0]);
  });
  test('two priorities of one consumer, as after a reload, each in its place', () => {
    add({ sequence: 0, priority: 1 });
    add({ sequence: 1, priority: 3 });
    add({ sequence: 2, priority: 1 });
    expect(startAll()).toEqual([1, 0, 2]);
  });
});

describe('who leaves', () => {
  test.each([
    ['at the head', 0, [1, 2]],
    ['in the middle', 1, [0, 2]],
    ['at the tail', 2, [0, 1]],
  ])('%s is not served, and the others keep their order', (_name, leaver, rest) => {
    addAll(0, 1, 2);
    leave(leaver);
    expect(lanes.tickets().map(({ sequence }) => sequence)).toEqual(rest);
    expect(startAll()).toEqual(rest);
  });
  test('as the last of all leaves nothing behind', () => {
    addAll(0);
    leave(0);
    expect([lanes.next(), lanes.oldestEnqueuedAt()]).toEqual([null, null]);
    addAll(1);
    expect(startAll()).toEqual([1]);
  });
  test('at the tail makes room for the next to come', () => {
    addAll(0, 1);
    leave(1);
    addAll(2);
    expect(startAll()).toEqual([0, 2]);
  });
  test('twice leaves once', () => {
    addAll(0, 1);
    expect(leave(0)).toBe(true);
    expect(leave(0)).toBe(false);
    expect(startAll()).toEqual([1]);
  });
  test('after being served changes nothing', () => {
    addAll(0, 1);
    void lanes.takeNext()?.();
    leave(0);
    expect(startAll()).toEqual([0, 1]);
  });
});

describe('a consumer that may not be served now', () => {
  test('is passed over, and the others are served meanwhile', () => {
    add({ sequence: 0, serial: 1, priority: 4 });
    add({ sequence: 1, serial: 2, priority: 0 });
    blocked.add(1);
    expect(startAll()).toEqual([1]);
    blocked.clear();
    expect(startAll()).toEqual([1, 0]);
  });
  test('still has waiting requests', () => {
    now = 5;
    add({ sequence: 0 });
    blocked.add(1);
    expect(lanes.next()).toBeNull();
    expect(lanes.tickets()).toHaveLength(1);
    expect(lanes.oldestEnqueuedAt()).toBe(5);
  });
});

describe('while the card is not to be given to anybody', () => {
  test('nobody is served, and everybody still waits', () => {
    addAll(0, 1);
    isOpen = false;
    expect(lanes.next()).toBeNull();
    expect(lanes.takeNext()).toBeUndefined();
    expect(lanes.tickets()).toHaveLength(2);
    isOpen = true;
    expect(startAll()).toEqual([0, 1]);
  });
  test('who leaves is gone', () => {
    addAll(0, 1);
    isOpen = false;
    leave(0);
    isOpen = true;
    expect(startAll()).toEqual([1]);
  });
});

test('the oldest is the one that has waited longest, also when it is passed over', () => {
  now = 10;
  add({ sequence: 0, serial: 1, priority: 0 });
  now = 20;
  add({ sequence: 1, serial: 2, priority: 4 });
  expect(lanes.oldestEnqueuedAt()).toBe(10);
  leave(0);
  expect(lanes.oldestEnqueuedAt()).toBe(20);
});

test('looking who is next takes nobody out', () => {
  addAll(0);
  expect(lanes.next()).toBe(lanes.next());
  expect(startAll()).toEqual([0]);
});

test('one that was at its turn and has to wait on gets its place back', () => {
  addAll(1, 2, 3);
  const first = lanes.next();
  lanes.takeNext();
  if (first === null) throw new Error('nobody was first');
  lanes.add(first, async () => started.push(first.sequence));
  expect(lanes.oldestEnqueuedAt()).toBe(0);
  expect(startAll()).toEqual([1, 2, 3]);
});

test('the oldest is found among all lanes', () => {
  now = 5;
  add({ sequence: 1, serial: 1 });
  now = 3;
  add({ sequence: 2, serial: 2 });
  expect(lanes.oldestEnqueuedAt()).toBe(3);
});
