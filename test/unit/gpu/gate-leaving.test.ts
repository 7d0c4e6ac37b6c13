import { afterEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

/** Two of 4000 MiB each on a card of 6000: `a` is loaded, `b` is not. */
function tightBench(): GateBench {
  const consumers = { a: { vram_resident_mib: 4000, ...HOOKS }, b: { vram_resident_mib: 4000, ...HOOKS } };
  bench = new GateBench({ consumers }, { totalMib: 6000 }).absent('b');
  return bench;
}

function numbers(): readonly number[] {
  return [bench.gate.statistics.waiting, bench.gate.statistics.running];
}

describe('a client that leaves while it waits', () => {
  test.each([0, 1, 2])('takes its place %i in the queue with it, and the others keep theirs', async (leaver) => {
    bench = new GateBench({ consumers: { a: {} } });
    const running = bench.ask('a');
    const waiting = [bench.ask('a'), bench.ask('a'), bench.ask('a')];
    const gone = waiting[leaver];
    if (gone !== undefined) bench.leave(gone);
    expect(numbers()).toEqual([2, 1]);
    expect(bench.consumer('a').waiting).toBe(2);
    const order: number[] = [];
    let current = running;
    for (let turn = 0; turn < 2; turn += 1) {
      await bench.settled();
      current.release();
      await bench.settled();
      const next = waiting.find(({ state }) => state === 'granted');
      if (next === undefined) throw new Error('nobody is next');
      order.push(waiting.indexOf(next));
      current = next;
    }
    expect(gone?.state).toBe('left');
    expect(order).toEqual([0, 1, 2].filter((place) => place !== leaver));
  });

  test('has nothing unloaded or loaded for it', async () => {
    tightBench();
    const running = bench.ask('a');
    const waiting = bench.ask('b');
    await bench.settled();
    bench.leave(waiting);
    running.release();
    await bench.settled();
    expect(bench.hooks.begun).toEqual([]);
    expect(numbers()).toEqual([0, 0]);
  });

  test('twice leaves once', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    bench.ask('a');
    const waiting = bench.ask('a');
    bench.leave(waiting);
    bench.leave(waiting);
    await bench.settled();
    expect(numbers()).toEqual([0, 1]);
  });
});

test('who leaves first is no longer the oldest one that waits', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  bench.ask('a');
  const first = bench.ask('a');
  bench.clock.pass(100);
  bench.ask('a');
  expect(bench.gate.statistics.oldestWaitMs).toBe(100);
  bench.leave(first);
  expect(bench.gate.statistics.oldestWaitMs).toBe(0);
});

describe('a client that leaves while a reading of the card is under way', () => {
  test('has nothing loaded for it', async () => {
    bench = new GateBench({ consumers: { b: { vram_resident_mib: 4000, ...HOOKS } } }, { totalMib: 6000 }).absent('b');
    bench.card.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    bench.leave(asked);
    bench.card.pending[0]?.end();
    await bench.settled();
    expect(bench.hooks.begun).toEqual([]);
    expect(bench.consumer('b').busy).toBe(0);
  });

  test('has nothing unloaded for it', async () => {
    tightBench().card.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    bench.leave(asked);
    bench.card.pending[0]?.end();
    await bench.settled();
    expect(bench.hooks.begun).toEqual([]);
    expect(asked.state).toBe('left');
    expect(bench.consumer('b').busy).toBe(0);
  });

  test('has nothing unloaded for it by hand', async () => {
    tightBench().card.isSlow = true;
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    bench.leave(asked);
    bench.card.pending[0]?.end();
    await bench.settled();
    expect([bench.hooks.begun, bench.hooks.looks]).toEqual([[], []]);
    expect(bench.consumer('a')).toMatchObject({ residency: 'resident', busy: 0 });
  });

  test('is not the last for whom the card is read: the next one goes on', async () => {
    tightBench().card.isSlow = true;
    const gone = bench.ask('b');
    const next = bench.ask('a');
    await bench.settled();
    bench.leave(gone);
    bench.card.isSlow = false;
    bench.card.pending[0]?.end();
    await bench.settled();
    expect(next.state).toBe('granted');
  });
});

describe('a client that leaves in the middle of a hook', () => {
  test('gets no lease; the hook runs to its end, and nothing follows it', async () => {
    tightBench().hooks.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a']);
    bench.leave(asked);
    await bench.settled();
    expect(asked.state).toBe('left');
    expect(numbers()).toEqual([0, 0]);
    expect(bench.consumer('a').residency).toBe('unloading');
    bench.hooks.current.end();
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a']);
    expect(bench.consumer('a').residency).toBe('absent');
    expect(bench.consumer('b')).toMatchObject({ residency: 'absent', busy: 0, waiting: 0 });
  });

  test('leaves a loaded consumer to those who come after: one load for all', async () => {
    tightBench().hooks.isSlow = true;
    const first = bench.ask('b');
    await bench.settled();
    bench.hooks.current.end();
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'load b']);
    const others = [bench.ask('b'), bench.ask('b'), bench.ask('b')];
    bench.leave(first);
    bench.hooks.current.end();
    for (const other of others) {
      await bench.settled();
      expect(other.state).toBe('granted');
      other.release();
    }
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['unload a', 'load b']);
  });

  test('keeps its consumer busy until the hook has ended', async () => {
    tightBench().hooks.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    bench.leave(asked);
    const other = bench.ask('a');
    await bench.settled();
    expect(bench.consumer('b').busy).toBe(1);
    expect(other.state).toBe('waiting');
  });
});

describe('a client that leaves right at the grant', () => {
  test('before it, gets none', async () => {
    tightBench().hooks.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    bench.hooks.current.end();
    await bench.settled();
    bench.hooks.current.end();
    bench.leave(asked);
    await bench.settled();
    expect(asked.state).toBe('left');
    expect(numbers()).toEqual([0, 0]);
    expect(bench.consumer('b').busy).toBe(0);
  });

  test('or any number of turns before or after it, either gets none or has one to release', async () => {
    const states = new Set<string>();
    for (let turns = 0; turns < 20; turns += 1) {
      tightBench().hooks.isSlow = true;
      const asked = bench.ask('b');
      await bench.settled();
      bench.hooks.current.end();
      await bench.settled();
      bench.hooks.current.end();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      bench.leave(asked);
      await bench.settled();
      states.add(asked.state);
      expect(numbers()).toEqual([0, asked.state === 'granted' ? 1 : 0]);
      expect(bench.consumer('b')).toMatchObject({ waiting: 0, busy: asked.state === 'granted' ? 1 : 0 });
      await bench.stop();
    }
    expect([...states].toSorted()).toEqual(['granted', 'left']);
  });

  test('after it, has the lease and must release it', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const asked = bench.ask('a');
    bench.leave(asked);
    await bench.settled();
    expect(asked.state).toBe('granted');
    expect(numbers()).toEqual([0, 1]);
    asked.release('not_sent');
    await bench.settled();
    expect(numbers()).toEqual([0, 0]);
  });
});

test('a client that leaves while its plan says wait lets the next one go on', async () => {
  const gpu = { concurrency: 2 };
  const consumers = { a: { vram_resident_mib: 4000, ...HOOKS }, b: { vram_resident_mib: 4000, ...HOOKS }, c: {} };
  bench = new GateBench({ gpu, consumers }, { totalMib: 6000 }).absent('b');
  const [running, stuck, next] = [bench.ask('a'), bench.ask('b'), bench.ask('c')];
  await bench.settled();
  expect([running.state, stuck.state, next.state]).toEqual(['granted', 'waiting', 'waiting']);
  bench.leave(stuck);
  await bench.settled();
  expect([stuck.state, next.state]).toEqual(['left', 'granted']);
});
