import { afterEach, describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../../lib/errors.ts';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

async function isIdle(): Promise<boolean> {
  await bench.settled();
  return Promise.race([bench.gate.whenIdle().then(() => true), bench.settled().then(() => false)]);
}

test('a drained gate refuses new requests at once', () => {
  bench = new GateBench({ consumers: { a: {} } });
  bench.gate.drain();
  for (const ask of [() => bench.ask('a'), () => bench.ask('a', { work: 'load' }), () => bench.gate.refuseIfFull()]) {
    expect(ask).toThrow(BrokerError);
    expect(ask).toThrow('the broker is shutting down');
  }
});

test('those who wait are refused, and told to come again', async () => {
  bench = new GateBench({ consumers: { a: {}, b: {} } });
  bench.ask('a');
  const waiting = [bench.ask('a'), bench.ask('b'), bench.ask('a', { work: 'load' })];
  bench.gate.drain();
  expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 1 });
  await bench.settled();
  for (const each of waiting) {
    expect(each.refusal).toMatchObject({ kind: { status: 503, error: 'shutting_down', retryable: true }, details: { retryAfterS: 5 } });
  }
});

describe('it is idle', () => {
  test('at once when nothing is under way', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    bench.gate.drain();
    expect(await isIdle()).toBe(true);
  });

  test('not before it is drained', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    expect(await isIdle()).toBe(false);
  });

  test('when the last lease has ended', async () => {
    bench = new GateBench({ gpu: { concurrency: 2 }, consumers: { a: {}, b: {} } });
    const [first, second] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    bench.gate.drain();
    first.release();
    expect(await isIdle()).toBe(false);
    second.release();
    expect(await isIdle()).toBe(true);
  });

  test('when the consumer has stopped working, not when it has answered', async () => {
    bench = new GateBench({ consumers: { a: { busy: { path: '/p', pointer: '/x' } } } });
    const asked = bench.ask('a');
    await bench.settled();
    bench.gate.drain();
    asked.release();
    expect(await isIdle()).toBe(false);
    bench.completion.pending[0]?.end();
    expect(await isIdle()).toBe(true);
  });

  test('when a hook under way has ended; whom it was for is refused at once', async () => {
    bench = new GateBench({ consumers: { a: HOOKS } }).absent('a');
    bench.hooks.isSlow = true;
    const asked = bench.ask('a');
    await bench.settled();
    bench.gate.drain();
    expect(await isIdle()).toBe(false);
    expect(asked.refusal.kind.error).toBe('shutting_down');
    bench.hooks.current.end();
    expect(await isIdle()).toBe(true);
    expect(bench.consumer('a')).toMatchObject({ residency: 'resident', busy: 0 });
  });

  test('when one whose plan says wait has been refused and the running work has ended', async () => {
    const consumers = { a: { vram_resident_mib: 4000, ...HOOKS }, b: { vram_resident_mib: 4000, ...HOOKS } };
    bench = new GateBench({ gpu: { concurrency: 2 }, consumers }, { totalMib: 6000 }).absent('b');
    const [running, stuck] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    bench.gate.drain();
    await bench.settled();
    expect(stuck.refusal.kind.error).toBe('shutting_down');
    running.release();
    expect(await isIdle()).toBe(true);
    expect(bench.hooks.begun).toEqual([]);
  });
});

test('draining twice refuses once', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  bench.ask('a');
  bench.ask('a');
  bench.gate.drain();
  bench.gate.drain();
  expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 1 });
});
