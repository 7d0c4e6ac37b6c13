import { afterEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import { until } from '../../support/until.ts';

let bench: GateBench;

afterEach(() => bench.stop());

function sized(vram_resident_mib: number, more: Readonly<Record<string, unknown>> = {}) {
  return { vram_resident_mib, ...HOOKS, ...more };
}

/** `t` (4000 MiB) is absent; the others are resident. The settle time is over after one reading. */
function benchFor(others: Readonly<Record<string, Readonly<Record<string, unknown>>>>, totalMib: number, settings = {}): GateBench {
  const eviction = { settle_timeout: '1s' };
  bench = new GateBench({ eviction, consumers: { t: sized(4000), ...others }, ...settings }, { totalMib }).absent('t');
  bench.card.readingMs = 1000;
  return bench;
}

/** One request of a consumer, from asking to its end. */
async function use(name: string): Promise<void> {
  const asked = bench.ask(name);
  await bench.settled();
  bench.clock.pass(10);
  asked.release();
  await bench.settled();
}

describe('a request for a consumer that is not loaded', () => {
  test('has it loaded, and is granted with the time that took', async () => {
    benchFor({}, 4000).hooks.isSlow = true;
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['load t']);
    expect(bench.consumer('t').residency).toBe('loading');
    bench.clock.pass(700);
    bench.hooks.current.end();
    await bench.settled();
    expect(asked.lease).toMatchObject({ times: { load: 700 }, queuedMs: 1000 });
    expect(asked.lease?.times.evict).toBeUndefined();
  });

  test('has others unloaded first, one after the other, the one that was used longest ago first', async () => {
    benchFor({ a: sized(2000), b: sized(2000), c: sized(2000) }, 6000);
    for (const name of ['a', 'c', 'b']) await use(name);
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'unload c', 'load t']);
    expect(asked.state).toBe('granted');
    expect(bench.gate.statistics.evictions).toBe(2);
    expect(bench.registry.all().map(({ name, residency }) => `${name} ${residency}`)).toEqual(['a absent', 'b resident', 'c absent', 't resident']);
  });

  test('is told how long making room took, apart from its wait', async () => {
    benchFor({ a: sized(2000), b: sized(2000) }, 5000).hooks.isSlow = true;
    bench.card.readingMs = 0;
    const asked = bench.ask('t');
    for (const hookMs of [300, 40, 500]) {
      await bench.settled();
      bench.clock.pass(hookMs);
      bench.hooks.current.end();
    }
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'unload b', 'load t']);
    expect(asked.lease).toMatchObject({ times: { evict: 340, load: 500 }, queuedMs: 0 });
  });

  test('and has no load hook, only has room made: it loads itself', async () => {
    benchFor({ a: sized(4000), lazy: { vram_resident_mib: 4000, unload: HOOKS.unload } }, 6000);
    const asked = bench.ask('lazy');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a']);
    expect(asked.state).toBe('granted');
    expect(bench.consumer('lazy')).toMatchObject({ residency: 'absent', promisedUntil: 'job' });
    asked.release('served');
    await bench.settled();
    expect(bench.consumer('lazy').residency).toBe('resident');
  });

  test('is granted without a look at the card once it is resident', async () => {
    benchFor({}, 4000);
    await use('t');
    bench.card.onReading = () => {
      throw new Error('the card was read');
    };
    await use('t');
    expect(bench.asked[1]?.state).toBe('released');
  });
});

test('what is free is looked at anew after each job, load and unload', async () => {
  benchFor({ lazy: { vram_resident_mib: 4000, unload: HOOKS.unload } }, 8000);
  const job = bench.ask('lazy');
  await bench.settled();
  bench.card.uses.set('lazy', 5000);
  job.release();
  await bench.settled();
  const asked = bench.ask('t');
  await bench.settled();
  expect(bench.hooks.calls).toEqual(['unload lazy', 'load t']);
  expect(asked.state).toBe('granted');
});

test('one that has lost its memory is not unloaded for it, though its last job ended after the card was read', async () => {
  benchFor({ a: sized(4000), b: sized(4000) }, 7000, { gpu: { concurrency: 3 } });
  const jobs = [bench.ask('a'), bench.ask('b')];
  await bench.settled();
  // Its server restarts.
  bench.card.uses.set('a', 0);
  bench.clock.pass(1);
  bench.card.poll();
  bench.card.isSlow = true;
  const asked = bench.ask('t');
  await bench.settled();
  for (const job of jobs) {
    bench.clock.pass(1);
    job.release('served');
  }
  bench.card.isSlow = false;
  for (const reading of bench.card.pending) reading.end();
  await until(() => asked.state === 'granted');
  expect(bench.hooks.calls).toEqual(['unload b', 'load t']);
});

describe('of an unloaded consumer', () => {
  test('the memory is waited for until it is seen free', async () => {
    benchFor({ a: sized(4000) }, 6000).card.readingMs = 0;
    bench.hooks.keepsMib.set('a', 4000);
    let readings = 0;
    bench.card.onReading = () => {
      readings += 1;
      if (readings === 4) bench.card.uses.set('a', 0);
    };
    const asked = bench.ask('t');
    await until(() => asked.state === 'granted');
    expect(bench.hooks.calls).toEqual(['unload a', 'load t']);
    expect(bench.consumer('a').residency).toBe('absent');
    expect(bench.events.of('unloaded')).toMatchObject([{ result: 'freed', freed_mib: 4000 }]);
  });

  test('the time it took is learned where memory came free, and only there', async () => {
    const learned: unknown[] = [];
    for (const failing of [[], ['a']]) {
      benchFor({ a: sized(4000), b: sized(4000) }, 8000).card.readingMs = 100;
      for (const name of failing) bench.hooks.failing.add(name);
      const asked = bench.ask('t');
      await bench.settled();
      learned.push(asked.ticket.unloads.map(({ consumer, ms }) => [consumer.name, ms]));
      await bench.stop();
    }
    expect(learned).toEqual([[['a', 100]], [['b', 100]]]);
  });

  test('a bare context may stay, as long as the next one fits', async () => {
    benchFor({ a: sized(4000) }, 7000).hooks.keepsMib.set('a', 3000);
    const asked = bench.ask('t');
    await bench.settled();
    expect(asked.state).toBe('granted');
    expect(bench.consumer('a').residency).toBe('absent');
  });

  test('that kept more than a bare context is absent if most of it came free, and the next candidate follows', async () => {
    benchFor({ a: sized(4000), b: sized(4000) }, 8000).hooks.keepsMib.set('a', 1500);
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'unload b', 'load t']);
    expect(bench.consumer('a').residency).toBe('absent');
    expect(asked.state).toBe('granted');
  });
});

describe('one that cannot be unloaded', () => {
  test('because its hook fails, is left out, and the next candidate is unloaded', async () => {
    benchFor({ a: sized(4000), b: sized(4000) }, 8000);
    await use('a');
    await use('b');
    bench.hooks.failing.add('a');
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'unload b', 'load t']);
    expect(asked.state).toBe('granted');
    expect(bench.consumer('a').residency).toBe('unknown');
  });

  test('because its memory is not freed in time, is left out, and the next candidate is unloaded', async () => {
    benchFor({ a: sized(4000), b: sized(4000) }, 8000);
    await use('b');
    bench.hooks.keepsMib.set('a', 3000);
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'unload b', 'load t']);
    expect(asked.state).toBe('granted');
    expect(bench.consumer('a').residency).toBe('unknown');
  });

  test('when there is no other, is told; nothing is loaded over it', async () => {
    benchFor({ a: sized(4000), b: sized(4000) }, 8000);
    for (const name of ['a', 'b']) bench.hooks.failing.add(name);
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'unload b']);
    expect(asked.refusal).toMatchObject({
      kind: { status: 503, error: 'eviction_failed', retryable: true },
      message: 'a and b could not be unloaded for t, or freed nothing in time, and no other target is left',
      details: { consumer: 't' },
    });
    expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 0, evictions: 2 });
  });

  test('may be tried again for the next request', async () => {
    benchFor({ a: sized(4000) }, 6000).hooks.failing.add('a');
    bench.ask('t');
    await bench.settled();
    bench.hooks.failing.clear();
    const second = bench.ask('t');
    await bench.settled();
    expect(second.state).toBe('granted');
  });
});

describe('when idle consumers do not suffice', () => {
  const gpu = { concurrency: 2 };

  test('it waits for running work, then unloads and goes on', async () => {
    benchFor({ a: sized(4000) }, 6000, { gpu });
    const [running, asked] = [bench.ask('a'), bench.ask('t')];
    await bench.settled();
    expect(asked.state).toBe('waiting');
    expect(bench.hooks.begun).toEqual([]);
    expect(bench.gate.statistics).toMatchObject({ waiting: 1, running: 1 });
    running.release();
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'load t']);
    expect(asked.state).toBe('granted');
  });

  test('it waits while the consumer works on after its answer', async () => {
    benchFor({ a: sized(4000, { busy: { path: '/p', pointer: '/x' } }) }, 6000, { gpu });
    const [running, asked] = [bench.ask('a'), bench.ask('t')];
    await bench.settled();
    running.release();
    await bench.settled();
    expect(bench.hooks.begun).toEqual([]);
    bench.completion.pending[0]?.end();
    await bench.settled();
    expect(asked.state).toBe('granted');
  });

  test('it is refused if its consumer goes down meanwhile', async () => {
    benchFor({ a: sized(4000), lazy: { vram_resident_mib: 4000, unload: HOOKS.unload } }, 6000, { gpu });
    bench.ask('a');
    const asked = bench.ask('lazy');
    await bench.settled();
    bench.probe('lazy', false);
    await bench.settled();
    expect(asked.refusal.kind.error).toBe('consumer_unreachable');
  });
});

describe('a card that cannot be read', () => {
  test('does not stop anything: the declared footprints decide, and hooks are believed', async () => {
    benchFor({ a: sized(4000) }, 6000).card.isReadable = false;
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'load t']);
    expect(asked.state).toBe('granted');
  });

  test('before an eviction, leaves nothing to compare with: the hook is believed', async () => {
    benchFor({ a: sized(4000) }, 6000).card.isReadable = false;
    bench.hooks.onBegin = () => void (bench.card.isReadable = true);
    const asked = bench.ask('t');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'load t']);
    expect(asked.state).toBe('granted');
  });

  test('from the middle of an eviction on, is believed to be freed', async () => {
    benchFor({ a: sized(4000) }, 6000);
    bench.hooks.keepsMib.set('a', 4000);
    bench.hooks.onBegin = () => void (bench.card.isReadable = false);
    const asked = bench.ask('t');
    await bench.settled();
    expect(asked.state).toBe('granted');
  });
});

describe('a reload in the middle of an eviction', () => {
  test('that moves the consumer for which room is made, leaves nobody half unloaded', async () => {
    benchFor({ a: sized(4000) }, 6000).hooks.isSlow = true;
    bench.hooks.keepsMib.set('a', 1500);
    const asked = bench.ask('t');
    await bench.settled();
    bench.reconfigure({ eviction: { settle_timeout: '1s' }, consumers: { other: {}, a: { ...sized(4000), url: 'http://127.0.0.1:9001' } } });
    bench.hooks.current.end();
    await bench.settled();
    expect(bench.consumer('a').residency).toBe('absent');
    expect(bench.hooks.calls).toEqual(['unload a', 'load t']);
    bench.hooks.current.end();
    await bench.settled();
    expect(asked.state).toBe('granted');
  });
});
