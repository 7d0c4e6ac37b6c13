import { afterEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

const SIZED = { vram_resident_mib: 4000, ...HOOKS };

function benchOf(consumers: Readonly<Record<string, Readonly<Record<string, unknown>>>>, settings = {}): GateBench {
  bench = new GateBench({ eviction: { settle_timeout: '1s' }, consumers, ...settings }, { totalMib: 6000 });
  bench.card.readingMs = 1000;
  return bench;
}

function counted(): void {
  expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 0, totalJobs: 0 });
  for (const consumer of bench.registry.all()) expect(consumer).toMatchObject({ waiting: 0, running: 0, busy: 0, totalRequests: 0 });
}

describe('unloading by hand', () => {
  test('unloads, and is done when the memory is free; it is no job', async () => {
    benchOf({ a: SIZED });
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(asked.state).toBe('done');
    expect(bench.hooks.calls).toEqual(['unload a']);
    expect(bench.consumer('a').residency).toBe('absent');
    expect(bench.gate.statistics.evictions).toBe(0);
    counted();
  });

  test('never cuts running work, and comes before all who wait', async () => {
    benchOf({ a: { ...SIZED, priority: 4 } });
    const [running, waiting] = [bench.ask('a'), bench.ask('a')];
    const byHand = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(bench.hooks.begun).toEqual([]);
    running.release();
    await bench.settled();
    expect(byHand.state).toBe('done');
    expect(bench.hooks.calls).toEqual(['unload a', 'load a']);
    expect(waiting.state).toBe('granted');
  });

  test('waits for the last of several leases', async () => {
    benchOf({ a: { ...SIZED, max_concurrency: 2 } }, { gpu: { concurrency: 3 } });
    const [first, second] = [bench.ask('a'), bench.ask('a')];
    const byHand = bench.ask('a', { work: 'unload' });
    await bench.settled();
    first.release();
    await bench.settled();
    expect(byHand.state).toBe('waiting');
    second.release();
    await bench.settled();
    expect(byHand.state).toBe('done');
  });

  test('of an absent consumer has nothing to do, and nothing to look at', async () => {
    benchOf({ a: SIZED }).absent('a');
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(asked.state).toBe('done');
    expect([bench.hooks.begun, bench.hooks.looks]).toEqual([[], []]);
  });

  test.each([
    [true, ['unload a']],
    [false, []],
  ])('is done at its turn only while it is wanted: %j', async (isWanted, calls) => {
    benchOf({ a: SIZED });
    const running = bench.ask('a');
    let isStillWanted = true;
    const asked = bench.ask('a', { work: 'unload', isStillWanted: () => isStillWanted });
    await bench.settled();
    isStillWanted = isWanted;
    running.release();
    await bench.settled();
    expect(asked.state).toBe('done');
    expect(bench.hooks.calls).toEqual(calls);
  });

  test('of a consumer that goes down meanwhile has nothing to do either', async () => {
    benchOf({ a: SIZED }).card.isSlow = true;
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    bench.registry.probed(bench.consumer('a'), { startedAt: bench.clock.now(), outcome: { type: 'refused', error: 'refused' } });
    bench.card.pending[0]?.end();
    await bench.settled();
    expect(asked.state).toBe('done');
    expect(bench.hooks.begun).toEqual([]);
  });

  test('is possible also while the consumer is ill', async () => {
    benchOf({ a: SIZED }).probe('a', false);
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(asked.state).toBe('done');
  });

  test('that fails is told', async () => {
    benchOf({ a: SIZED }).hooks.failing.add('a');
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(asked.refusal).toMatchObject({
      kind: { status: 503, error: 'eviction_failed' },
      message: 'a could not be unloaded, or its memory was not seen free in time',
      details: { consumer: 'a' },
    });
    expect(bench.consumer('a')).toMatchObject({ residency: 'unknown', lastActionAt: bench.clock.now() });
    counted();
  });

  test('that frees nothing is told', async () => {
    benchOf({ a: SIZED }).hooks.keepsMib.set('a', 4000);
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(asked.refusal.kind.error).toBe('eviction_failed');
    expect(bench.consumer('a').residency).toBe('unknown');
  });

  test('of a consumer of which no size is known believes the hook, whatever others take meanwhile', async () => {
    benchOf({ a: HOOKS });
    bench.hooks.onBegin = () => void (bench.card.foreignMib = 500);
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect(asked.state).toBe('done');
    expect(bench.consumer('a').residency).toBe('absent');
  });
});

describe('what an unloading by hand is to free', () => {
  /** What the log says was expected of each unload so far, MiB. */
  const expectedMib = () => bench.logger.lines.filter(({ message }) => message.startsWith('unloaded')).map(({ fields }) => fields?.['expected_mib']);

  async function unload(name: string): Promise<void> {
    bench.ask(name, { work: 'unload' });
    await bench.settled();
  }

  test('is what it uses, not what others do or what it may', async () => {
    benchOf({ a: SIZED, b: { vram_resident_mib: 1000, ...HOOKS } });
    bench.card.uses.set('b', 1500);
    bench.clock.pass(1);
    bench.card.poll();
    await unload('b');
    expect(expectedMib()).toEqual([1500]);
  });

  test('is its footprint where nobody has seen what it uses', async () => {
    benchOf({ a: SIZED }).card.isReadable = false;
    await unload('a');
    expect(expectedMib()).toEqual([4000]);
  });

  test('is less by what the unload before has left behind', async () => {
    benchOf({ a: SIZED }).hooks.keepsMib.set('a', 300);
    await unload('a');
    bench.card.poll();
    bench.ask('a', { work: 'load' });
    await bench.settled();
    bench.clock.pass(1);
    bench.card.poll();
    await unload('a');
    expect(expectedMib()).toEqual([4000, 3700]);
  });

  test.each([
    ['nine tenths of it are free, it is done at once', { keptMib: 400, settle_timeout: '10s' }, 'absent'],
    ['half of it is free when the time is up, it is done as well', { keptMib: 2000, settle_timeout: '1s' }, 'absent'],
    ['less is, it is not', { keptMib: 2001, settle_timeout: '1s' }, 'unknown'],
  ])('when %s', async (_what, { keptMib, settle_timeout }, residency) => {
    benchOf({ a: SIZED }, { eviction: { settle_timeout } }).hooks.keepsMib.set('a', keptMib);
    await unload('a');
    expect(bench.consumer('a').residency).toBe(residency);
  });
});

describe('loading by hand', () => {
  test('loads, and makes room first', async () => {
    benchOf({ a: SIZED, b: SIZED }).absent('b');
    const asked = bench.ask('b', { work: 'load' });
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'load b']);
    expect(asked.state).toBe('done');
    counted();
  });

  test('of a resident consumer has nothing to do', async () => {
    benchOf({ a: SIZED });
    const asked = bench.ask('a', { work: 'load' });
    await bench.settled();
    expect(asked.state).toBe('done');
    expect(bench.hooks.begun).toEqual([]);
  });

  test('of a resident consumer that has given memory back has nothing to do either, and gives no lease', async () => {
    benchOf({ a: SIZED });
    bench.card.uses.set('a', 1000);
    await bench.card.fresh(bench.clock.now());
    const asked = bench.ask('a', { work: 'load' });
    await bench.settled();
    expect(asked.state).toBe('done');
    expect(bench.hooks.begun).toEqual([]);
    counted();
  });

  test('promises its memory until a reading shows it', async () => {
    benchOf({ a: SIZED }).absent('a');
    bench.ask('a', { work: 'load' });
    await bench.settled();
    expect(bench.consumer('a').promisedUntil).toBe('sample');
    await bench.card.fresh(bench.clock.now());
    expect(bench.consumer('a').promisedUntil).toBeNull();
  });

  test('that fails is told', async () => {
    benchOf({ a: SIZED }).absent('a').hooks.failing.add('a');
    const asked = bench.ask('a', { work: 'load' });
    await bench.settled();
    expect(asked.refusal.kind).toMatchObject({ status: 502, error: 'load_failed' });
    counted();
  });
});
