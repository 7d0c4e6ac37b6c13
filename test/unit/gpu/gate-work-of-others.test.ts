import { afterEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

const BUSY = { busy: { path: '/queue', pointer: '/n' } };

/** One probe finds it working on something that did not come through us, or not. */
function probed(name: string, isWorking: boolean): void {
  bench.clock.pass(1);
  const outcome = { type: 'good', report: { loaded: null, usedMib: null } } as const;
  bench.registry.probed(bench.consumer(name), { startedAt: bench.clock.now(), outcome, isWorking });
}

/** Two that do not fit together, and a small one that always does. `image` works for others as long as the test says so. */
function benchOf(): GateBench {
  const sized = (mib: number) => ({ vram_resident_mib: mib, ...HOOKS });
  bench = new GateBench({ consumers: { image: { ...sized(7000), ...BUSY }, llm: sized(6000), small: sized(500) } }, { totalMib: 10_000 });
  bench.absent('llm');
  works(true);
  return bench;
}

function works(isWorking: boolean): void {
  if (isWorking) bench.hooks.working.add('image');
  else bench.hooks.working.delete('image');
  probed('image', isWorking);
}

describe('while a consumer works for others', () => {
  test('whoever needs its memory waits, everybody else is served, and its own requests too', async () => {
    benchOf();
    const big = bench.ask('llm');
    await bench.settled();
    expect(big.state).toBe('waiting');
    for (const name of ['small', 'image', 'small']) {
      const other = bench.ask(name);
      await bench.settled();
      expect([name, other.state]).toEqual([name, 'granted']);
      other.release();
      await bench.settled();
      for (const { end } of bench.completion.pending.splice(0)) end();
      await bench.settled();
      works(true);
    }
    expect(big.state).toBe('waiting');
    expect(bench.hooks.calls).toEqual([]);
    works(false);
    await bench.settled();
    expect(big.state).toBe('granted');
    expect(bench.hooks.calls).toEqual(['unload image', 'load llm']);
  });

  test('they who wait for it keep their order', async () => {
    benchOf();
    const [first, second] = [bench.ask('llm'), bench.ask('llm')];
    await bench.settled();
    works(true);
    await bench.settled();
    works(false);
    await bench.settled();
    expect([first.state, second.state]).toEqual(['granted', 'waiting']);
  });

  test('unloading it by hand waits as well, and holds up nobody', async () => {
    benchOf();
    const byHand = bench.ask('image', { work: 'unload' });
    await bench.settled();
    const other = bench.ask('small');
    await bench.settled();
    expect([byHand.state, other.state]).toEqual(['waiting', 'granted']);
    other.release();
    works(false);
    await bench.settled();
    expect(byHand.state).toBe('done');
  });

  test('memory that comes free elsewhere is found after a while', async () => {
    benchOf();
    const big = bench.ask('llm');
    await bench.settled();
    expect(big.state).toBe('waiting');
    bench.card.uses.set('image', 3000);
    bench.clock.pass(2000);
    bench.card.poll();
    bench.gate.changed();
    await bench.settled();
    expect(big.state).toBe('granted');
    expect(bench.hooks.calls).toEqual(['load llm']);
  });

  test('a client that waits can leave, time out, and be refused at the end', async () => {
    benchOf();
    const [leaves, late, last] = [bench.ask('llm'), bench.ask('llm', { maxWaitMs: 20 }), bench.ask('llm')];
    await bench.settled();
    bench.leave(leaves);
    await new Promise((resolve) => late.ticket.outcome.catch(resolve));
    bench.gate.drain();
    await bench.settled();
    expect(leaves.state).toBe('left');
    expect([late, last].map(({ refusal }) => refusal.kind.error)).toEqual(['queue_timeout', 'shutting_down']);
    await bench.gate.whenIdle();
  });
});

describe('whoever waits for work of several', () => {
  const sized = (mib: number) => ({ vram_resident_mib: mib, ...HOOKS });

  test('looks again as soon as one of them has ended it', async () => {
    bench = new GateBench({ consumers: { image: sized(4000), video: sized(4000), llm: sized(5000) } }, { totalMib: 10_000 }).absent('llm');
    for (const name of ['image', 'video']) probed(name, true);
    const asked = bench.ask('llm');
    await bench.settled();
    expect(asked.state).toBe('waiting');
    probed('video', false);
    await bench.settled();
    expect([asked.state, bench.hooks.calls]).toEqual(['granted', ['unload video', 'load llm']]);
  });

  test('keeps its turn if one of them works for us: that ends soon', async () => {
    const consumers = { image: sized(4000), video: sized(4000), llm: sized(10_000), small: {} };
    bench = new GateBench({ gpu: { concurrency: 2 }, consumers }, { totalMib: 10_000 }).absent('llm');
    const running = bench.ask('video');
    await bench.settled();
    probed('image', true);
    const [asked, other] = [bench.ask('llm'), bench.ask('small')];
    await bench.settled();
    expect([running.state, asked.state, other.state]).toEqual(['granted', 'waiting', 'waiting']);
    running.release();
    await bench.settled();
    expect([asked.state, other.state]).toEqual(['waiting', 'granted']);
  });
});
