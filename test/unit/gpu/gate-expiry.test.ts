import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick', 'performance'] });
});

afterEach(async () => {
  await bench.stop();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function pass(ms: number): Promise<void> {
  bench.clock.pass(ms);
  jest.advanceTimersByTime(ms);
  await bench.settled();
}

test('who has waited for as long as it may is refused, and told when to come again', async () => {
  bench = new GateBench({ consumers: { a: {}, b: {} } });
  bench.ask('a');
  const asked = bench.ask('b', { maxWaitMs: 2000 });
  await pass(1999);
  expect(asked.state).toBe('waiting');
  await pass(1);
  expect(asked.refusal).toMatchObject({
    kind: { status: 503, error: 'queue_timeout', retryable: true },
    message: 'waited 2 s for the card and b did not get its turn',
    details: { consumer: 'b', retryAfterS: 1 },
  });
  expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 1 });
});

test('who has got its lease can no longer expire', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  const asked = bench.ask('a', { maxWaitMs: 1000 });
  await pass(5000);
  expect(asked.state).toBe('granted');
});

test('who has left does not expire too', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  bench.ask('a');
  const asked = bench.ask('a', { maxWaitMs: 1000 });
  bench.leave(asked);
  await pass(5000);
  expect(asked.state).toBe('left');
});

test('a wait of no time at all is enough when the card is free', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  const [first, second] = [bench.ask('a', { maxWaitMs: 0 }), bench.ask('a', { maxWaitMs: 0 })];
  await pass(1);
  expect(first.state).toBe('granted');
  expect(second.refusal.kind.error).toBe('queue_timeout');
});

test('the longest wait that can be asked for does not end at once', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  bench.ask('a');
  const asked = bench.ask('a', { maxWaitMs: Number.MAX_SAFE_INTEGER });
  await pass(1000);
  expect(asked.state).toBe('waiting');
});

describe('the time goes on', () => {
  test('while room is made, and the hook runs to its end', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS } } }).absent('a');
    bench.hooks.isSlow = true;
    const asked = bench.ask('a', { maxWaitMs: 1000 });
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['load a']);
    await pass(1000);
    expect(asked.refusal.kind.error).toBe('queue_timeout');
    expect(bench.consumer('a')).toMatchObject({ residency: 'loading', busy: 1, waiting: 0 });
    bench.hooks.current.end();
    await bench.settled();
    expect(bench.consumer('a')).toMatchObject({ residency: 'resident', busy: 0 });
    expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 0 });
  });

  test('while the plan says wait, and then the next one goes on', async () => {
    const gpu = { concurrency: 2 };
    const consumers = { a: { vram_resident_mib: 4000, ...HOOKS }, b: { vram_resident_mib: 4000, ...HOOKS }, c: {} };
    bench = new GateBench({ gpu, consumers }, { totalMib: 6000 }).absent('b');
    bench.ask('a');
    const [stuck, next] = [bench.ask('b', { maxWaitMs: 1000 }), bench.ask('c')];
    await bench.settled();
    expect(next.state).toBe('waiting');
    await pass(1000);
    expect(stuck.refusal.kind.error).toBe('queue_timeout');
    expect(next.state).toBe('granted');
  });
});
