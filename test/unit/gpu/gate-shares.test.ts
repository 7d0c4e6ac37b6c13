import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../../lib/errors.ts';
import { GateBench } from '../../support/gate-bench.ts';
import type { Asked } from '../../support/gate-bench.ts';

let bench: GateBench;
let running: Asked;
beforeEach(async () => {
  bench = new GateBench({ queue: { max_waiting: 5, max_waiting_per_client: 2 }, consumers: { a: {} } });
  running = bench.ask('a', { client: 'one' });
  await bench.settled();
  expect(running.state).toBe('granted');
});
afterEach(() => bench.stop());

const ask = (client: string): Asked => bench.ask('a', { client });

function refusalOf(action: () => unknown): BrokerError {
  try {
    action();
  } catch (error) {
    if (error instanceof BrokerError) return error;
  }
  throw new Error('it was not refused with an error of ours');
}

describe('a client whose requests wait up to its share', () => {
  beforeEach(() => {
    ask('one');
    ask('one');
  });

  test('gets no more places, and is told when to come again', () => {
    expect(refusalOf(() => ask('one'))).toMatchObject({
      kind: { status: 429, error: 'queue_share_full', retryable: true },
      details: { retryAfterS: 1 },
      message: '2 requests of this client wait for the card already (queue.max_waiting_per_client is 2)',
    });
    expect(bench.gate.statistics.waiting).toBe(2);
  });

  test('is refused before it uploads, as nobody else is', () => {
    expect(refusalOf(() => bench.gate.refuseIfFull('one')).kind.error).toBe('queue_share_full');
    bench.gate.refuseIfFull('two');
    bench.gate.refuseIfFull();
  });

  test('takes nothing from others, whose places have their own bound in all', () => {
    ask('two');
    ask('two');
    ask('three');
    expect(refusalOf(() => ask('four')).kind.error).toBe('queue_full');
  });

  test('takes nothing from work by hand, which has no share', () => {
    for (let times = 0; times < 3; times += 1) bench.ask('a');
    expect(bench.gate.statistics.waiting).toBe(5);
  });

  test('gets a place back when one of them is served', async () => {
    running.release();
    await bench.settled();
    ask('one');
    expect(refusalOf(() => ask('one')).kind.error).toBe('queue_share_full');
  });

  test('gets a place back when one of them is given up, and only one', async () => {
    const [, , last] = bench.asked;
    if (last === undefined) throw new Error('nobody waits');
    bench.leave(last);
    bench.leave(last);
    ask('one');
    expect(refusalOf(() => ask('one')).kind.error).toBe('queue_share_full');
  });

  test('gets all of them back when all who wait are refused', async () => {
    bench.gate.pause({ since: new Date(0), by: 'test' });
    bench.gate.resume();
    await bench.settled();
    expect(bench.gate.statistics.waiting).toBe(0);
    ask('one');
    ask('one');
  });
});
