import { afterEach, describe, expect, test } from '@jest/globals';
import { GateBench } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

function counts() {
  const { waiting, running, totalJobs } = bench.gate.statistics;
  return { waiting, running, totalJobs };
}

describe('one lease at a time', () => {
  test('the second request waits until the first lease is released', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    const [first, second] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    expect([first.state, second.state]).toEqual(['granted', 'waiting']);
    first.release();
    await bench.settled();
    expect(second.state).toBe('granted');
  });

  test('a lease that is released twice frees the card once', async () => {
    bench = new GateBench({ consumers: { a: { max_concurrency: 4 } } });
    const [first, second, third] = [bench.ask('a'), bench.ask('a'), bench.ask('a')];
    await bench.settled();
    first.release();
    first.release();
    await bench.settled();
    expect([second.state, third.state]).toEqual(['granted', 'waiting']);
    expect(counts()).toEqual({ waiting: 1, running: 1, totalJobs: 1 });
  });

  test('nobody gets one before the gate is opened', async () => {
    bench = new GateBench({ consumers: { a: {} } }, { isClosed: true });
    const asked = bench.ask('a');
    await bench.settled();
    expect(asked.state).toBe('waiting');
    bench.gate.open();
    await bench.settled();
    expect(asked.state).toBe('granted');
  });
});

describe('several leases at a time', () => {
  const gpu = { concurrency: 2 };

  test('as many as configured, no more', async () => {
    bench = new GateBench({ gpu, consumers: { a: {}, b: {}, c: {} } });
    const all = [bench.ask('a'), bench.ask('b'), bench.ask('c')];
    await bench.settled();
    expect(all.map(({ state }) => state)).toEqual(['granted', 'granted', 'waiting']);
  });

  test('a consumer that works to its limit is passed over', async () => {
    bench = new GateBench({ gpu, consumers: { a: { max_concurrency: 1 }, b: {} } });
    const [first, second, other] = [bench.ask('a'), bench.ask('a'), bench.ask('b')];
    await bench.settled();
    expect([first.state, second.state, other.state]).toEqual(['granted', 'waiting', 'granted']);
    other.release();
    await bench.settled();
    expect(second.state).toBe('waiting');
    first.release();
    await bench.settled();
    expect(second.state).toBe('granted');
  });

  test('those who waited only for an admission to end are served as soon as it has', async () => {
    bench = new GateBench({ gpu, consumers: { a: { load: { path: '/load' } }, b: {} } }).absent('a');
    bench.hooks.isSlow = true;
    const [loading, other] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    expect([loading.state, other.state]).toEqual(['waiting', 'waiting']);
    bench.hooks.current.end();
    await bench.settled();
    expect([loading.state, other.state]).toEqual(['granted', 'granted']);
  });

  test('more are given at once when the limit is raised', async () => {
    bench = new GateBench({ gpu: { concurrency: 1 }, consumers: { a: {}, b: {} } });
    const second = [bench.ask('a'), bench.ask('b')][1];
    await bench.settled();
    expect(second?.state).toBe('waiting');
    bench.reconfigure({ gpu, consumers: { a: {}, b: {} } });
    await bench.settled();
    expect(second?.state).toBe('granted');
  });

  test('those given stay when the limit is lowered, and no more are given until they fall below it', async () => {
    bench = new GateBench({ gpu, consumers: { a: {}, b: {}, c: {} } });
    const [first, second, third] = [bench.ask('a'), bench.ask('b'), bench.ask('c')];
    await bench.settled();
    bench.reconfigure({ gpu: { concurrency: 1 }, consumers: { a: {}, b: {}, c: {} } });
    first.release();
    await bench.settled();
    expect([second.state, third.state]).toEqual(['granted', 'waiting']);
    second.release();
    await bench.settled();
    expect(third.state).toBe('granted');
  });
});

describe('a consumer that has not been probed yet', () => {
  test('is passed over, not waited for', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } }, { unprobed: ['a'] });
    const [unprobed, other] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    expect([unprobed.state, other.state]).toEqual(['waiting', 'granted']);
  });

  test('gets its lease when its first probe has ended', async () => {
    bench = new GateBench({ consumers: { a: {} } }, { unprobed: ['a'] });
    const asked = bench.ask('a');
    await bench.settled();
    bench.probe('a', true);
    await bench.settled();
    expect(asked.state).toBe('granted');
  });

  test('gets its lease when its first probe takes too long', async () => {
    bench = new GateBench({ consumers: { a: {} } }, { unprobed: ['a'] });
    const asked = bench.ask('a');
    bench.registry.settleFirstProbe(bench.consumer('a'));
    await bench.settled();
    expect(asked.state).toBe('granted');
  });
});

describe('a lease ends when the consumer has stopped working', () => {
  const busy = { busy: { path: '/prompt', pointer: '/left' } };

  test('not when its answer has ended', async () => {
    bench = new GateBench({ consumers: { a: busy, b: {} } });
    const [first, second] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    first.release();
    await bench.settled();
    expect(second.state).toBe('waiting');
    expect(counts()).toEqual({ waiting: 1, running: 1, totalJobs: 0 });
    bench.completion.pending[0]?.end();
    await bench.settled();
    expect(second.state).toBe('granted');
  });

  test('at once when nothing was sent to it', async () => {
    bench = new GateBench({ consumers: { a: busy } });
    const asked = bench.ask('a');
    await bench.settled();
    asked.release('not_sent');
    await bench.settled();
    expect(bench.completion.pending).toEqual([]);
    expect(counts()).toEqual({ waiting: 0, running: 0, totalJobs: 1 });
  });
});

describe('the numbers', () => {
  test('are exact from the moment of asking to the end', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    const first = bench.ask('a');
    expect(counts()).toEqual({ waiting: 0, running: 1, totalJobs: 0 });
    const second = bench.ask('b');
    expect(counts()).toEqual({ waiting: 1, running: 1, totalJobs: 0 });
    expect(bench.consumer('b')).toMatchObject({ waiting: 1, running: 0, busy: 0, totalRequests: 0 });
    await bench.settled();
    first.release();
    await bench.settled();
    expect(counts()).toEqual({ waiting: 0, running: 1, totalJobs: 1 });
    expect(bench.consumer('b')).toMatchObject({ waiting: 0, running: 1, busy: 1, totalRequests: 1 });
    second.release();
    await bench.settled();
    expect(counts()).toEqual({ waiting: 0, running: 0, totalJobs: 2 });
    expect(bench.consumer('b')).toMatchObject({ waiting: 0, running: 0, busy: 0, totalRequests: 1 });
  });

  test('of times are unknown at first, then those of the last lease', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    expect(bench.gate.statistics).toMatchObject({ lastWaitMs: null, lastRunMs: null, oldestWaitMs: null });
    const first = bench.ask('a');
    const second = bench.ask('b');
    await bench.settled();
    bench.clock.pass(300);
    expect(bench.gate.statistics).toMatchObject({ lastWaitMs: 0, lastRunMs: null, oldestWaitMs: 300 });
    first.release();
    await bench.settled();
    expect(bench.gate.statistics).toMatchObject({ lastWaitMs: 300, lastRunMs: 300, oldestWaitMs: null });
    expect(second.lease?.queuedMs).toBe(300);
  });

  test('show a request that makes room as the oldest one that waits', async () => {
    bench = new GateBench({ consumers: { a: { load: { path: '/load' } } } }).absent('a');
    bench.hooks.isSlow = true;
    bench.ask('a');
    bench.clock.pass(40);
    expect(bench.gate.statistics).toMatchObject({ waiting: 1, running: 0, oldestWaitMs: 40 });
  });
});

test('a lease of a consumer that needs nothing is given in the same turn', () => {
  bench = new GateBench({ consumers: { a: { vram_resident_mib: 3000 } } });
  expect(bench.ask('a').ticket.isSettled).toBe(true);
});
