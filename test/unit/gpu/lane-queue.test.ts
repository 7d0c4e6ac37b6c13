import { beforeEach, expect, test } from '@jest/globals';
import { Lanes } from '../../../lib/gpu/lanes.ts';
import { laneQueueClass } from '../../../lib/gpu/lane-queue.ts';
import { ticketOf } from '../../support/tickets.ts';

let isOpen: boolean;
let lanes: Lanes;
let queue: InstanceType<ReturnType<typeof laneQueueClass>>;

beforeEach(() => {
  isOpen = true;
  lanes = new Lanes({ isOpen: () => isOpen, isAdmissible: () => true, now: () => 0, agingMs: () => 1 });
  queue = new (laneQueueClass(lanes))();
});

const runs = [async () => 'first', async () => 'second'] as const;

function enqueueAll(): void {
  for (const [sequence, run] of runs.entries()) queue.enqueue(run, { ticket: ticketOf({ sequence }), id: String(sequence) });
}

test('to p-queue its size is whether anybody may be served', () => {
  expect(queue.size).toBe(0);
  enqueueAll();
  expect(queue.size).toBe(1);
  isOpen = false;
  expect(queue.size).toBe(0);
});

test('hands out what starts a task, in order', () => {
  enqueueAll();
  expect([queue.dequeue(), queue.dequeue(), queue.dequeue()]).toEqual([...runs, undefined]);
});

test('lists what waits, and forgets what is taken out', () => {
  enqueueAll();
  expect(queue.filter()).toEqual(runs);
  queue.remove('0');
  expect(queue.filter()).toEqual([runs[1]]);
  queue.remove('7');
  expect(queue.filter()).toEqual([runs[1]]);
});

test('takes no task without a ticket, and no other priority for one', () => {
  expect(() => queue.enqueue(runs[0])).toThrow('a task without a ticket');
  expect(() => queue.enqueue(runs[0], { id: '1' })).toThrow('a task without a ticket');
  expect(() => queue.setPriority()).toThrow('the priority of a ticket is fixed');
});
