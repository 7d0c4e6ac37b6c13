import { afterEach, describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../../lib/errors.ts';
import type { GateRequest } from '../../../lib/core/gating.ts';
import { consumerOf } from '../../support/configured.ts';
import { Asked, GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

/** Asks as a client does that says how long it waits, or as one that takes a lease by hand. Throws what `acquire` throws. */
function ask(name: string, facts: Pick<GateRequest, 'deadlineMs' | 'endsByHand'>): Asked {
  const consumer = { consumer: bench.consumer(name), consumerConfig: consumerOf(bench.config, name) };
  const request = { id: `${bench.asked.length} ${name}`, work: 'exchange', config: bench.config, maxWaitMs: 600_000, ...consumer, ...facts } as const;
  const asked = new Asked(bench.gate.acquire(request));
  bench.asked.push(asked);
  return asked;
}

/** Why one that would wait for at most so long is refused at once; null: it is not. */
function refusalAt(deadlineMs: number, name = 'b'): BrokerError | null {
  try {
    ask(name, { deadlineMs });
    return null;
  } catch (error) {
    if (error instanceof BrokerError) return error;
    throw error;
  }
}

/** So many requests of a consumer run, one after the other, for so long each, ms. */
async function ran(name: string, ms: number, count: number): Promise<void> {
  for (let times = 0; times < count; times += 1) {
    const asked = bench.ask(name);
    await bench.settled();
    bench.clock.pass(ms);
    asked.release();
    await bench.settled();
  }
}

function outlook({ ticket }: Asked) {
  const found = bench.gate.queue.outlook(ticket);
  return found === null ? null : { position: found.position, waitMs: typeof found.wait === 'string' ? null : found.wait.ms };
}

describe('the outlook', () => {
  test('is that of one who waits, until it has its lease', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 3000, 1);
    const [first, second, third] = [bench.ask('a'), bench.ask('a'), bench.ask('b')];
    await bench.settled();
    bench.clock.pass(1000);
    expect(outlook(first)).toBeNull();
    expect([second, third].map(outlook)).toEqual([
      { position: 1, waitMs: 2000 },
      { position: 2, waitMs: 5000 },
    ]);
    first.release();
    await bench.settled();
    expect(outlook(second)).toBeNull();
  });

  test('is none of one that has left', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const second = [bench.ask('a'), bench.ask('a')][1];
    if (second === undefined) throw new Error('nobody asked');
    bench.leave(second);
    expect(outlook(second)).toBeNull();
  });

  test('puts the more urgent first, and work by hand before all', async () => {
    bench = new GateBench({ consumers: { a: {}, urgent: { priority: 4, ...HOOKS } } });
    const [, usual, urgent, byHand] = [bench.ask('a'), bench.ask('a'), bench.ask('urgent'), bench.ask('urgent', { work: 'unload' })];
    expect([usual, urgent, byHand].map((each) => each && outlook(each)?.position)).toEqual([3, 2, 1]);
  });

  test('counts one for whom room is being made as the first that waits, and learns what that took', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS } } }).absent('a');
    bench.hooks.isSlow = true;
    const [loading, next, last] = [bench.ask('a'), bench.ask('a'), bench.ask('a')];
    await bench.settled();
    expect([loading, next].map(outlook)).toEqual([
      { position: 1, waitMs: null },
      { position: 2, waitMs: null },
    ]);
    bench.clock.pass(5000);
    bench.hooks.current.end();
    await bench.settled();
    bench.clock.pass(1000);
    loading.release();
    await bench.settled();
    expect([next.state, outlook(last)]).toEqual(['granted', { position: 1, waitMs: 1000 }]);
    next.release();
    await bench.settled();
    last.release();
    await bench.settled();
    bench.absent('a');
    bench.ask('a');
    const again = bench.ask('a');
    await bench.settled();
    bench.clock.pass(2000);
    expect(outlook(again)).toEqual({ position: 2, waitMs: 3000 });
  });

  test('says no time behind a lease by hand, and learns none from it', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('b', 3000, 1);
    const byHand = ask('a', { endsByHand: true });
    const [first, second] = [bench.ask('b'), bench.ask('a')];
    await bench.settled();
    expect(outlook(first)).toEqual({ position: 1, waitMs: null });
    bench.clock.pass(1000);
    byHand.release();
    await bench.settled();
    const third = bench.ask('a');
    expect([second, third].map(outlook)).toEqual([
      { position: 1, waitMs: 3000 },
      { position: 2, waitMs: null },
    ]);
  });

  test('learns nothing from a request that was not sent', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const [first, , third] = [bench.ask('a'), bench.ask('a'), bench.ask('a')];
    await bench.settled();
    first?.release('not_sent');
    await bench.settled();
    expect(third && outlook(third)).toEqual({ position: 1, waitMs: null });
  });
});

describe('a client that waits for less than its turn takes', () => {
  test('is refused at once, told when its turn would come, and leaves nothing behind', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 4000, 3);
    bench.ask('a');
    expect(refusalAt(3500)).toMatchObject({
      kind: { status: 429, error: 'deadline_unreachable', retryable: true },
      message: 'b would get its turn in about 4 s, and the client waits for 3.5 s',
      details: { consumer: 'b', retryAfterS: 4, fields: { estimate_s: 4 } },
    });
    expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 1 });
    expect(bench.consumer('b').waiting).toBe(0);
  });

  test('is not refused when its turn comes in time, be it in the last moment', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 4000, 3);
    bench.ask('a');
    expect(refusalAt(4000, 'a')).toBeNull();
    bench.clock.pass(3000);
    expect(refusalAt(4999)?.details.fields).toEqual({ estimate_s: 5 });
    expect(refusalAt(5000)).toBeNull();
    expect(bench.gate.statistics.waiting).toBe(2);
  });

  test('is not refused because of less urgent ones that wait', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {}, urgent: { priority: 4 } } });
    await ran('a', 4000, 3);
    for (let times = 0; times < 4; times += 1) bench.ask('a');
    expect(refusalAt(5000)?.details.fields).toEqual({ estimate_s: 16 });
    expect(refusalAt(5000, 'urgent')).toBeNull();
  });

  test('is told to come again after a minute at most', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 300_000, 3);
    bench.ask('a');
    expect(refusalAt(1)?.details).toMatchObject({ retryAfterS: 60, fields: { estimate_s: 300 } });
  });
});

describe('nobody is refused for the time', () => {
  test('where it has not said how long it waits', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 4000, 3);
    bench.ask('a');
    expect(ask('b', {}).state).toBe('waiting');
  });

  test('where the card is free', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 4000, 3);
    expect(refusalAt(0)).toBeNull();
  });

  test('where one of several leases is free', async () => {
    bench = new GateBench({ gpu: { concurrency: 2 }, consumers: { a: {}, b: {} } });
    await ran('a', 4000, 3);
    bench.ask('a');
    expect(refusalAt(0)).toBeNull();
  });

  test('where too few have ended to be sure', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 4000, 2);
    bench.ask('a');
    expect(refusalAt(0)).toBeNull();
  });

  test('behind a lease by hand, which may end at any moment', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    await ran('a', 4000, 3);
    ask('a', { endsByHand: true });
    expect(refusalAt(0)).toBeNull();
  });
});
