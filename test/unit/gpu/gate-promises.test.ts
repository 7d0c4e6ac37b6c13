import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import type { Asked } from '../../support/gate-bench.ts';

let bench: GateBench;

/** A card of 10000 MiB: `lazy` (6000) loads itself, `shrunk` (6000) is resident, `t` (5000) has to be loaded. */
beforeEach(() => {
  const consumers = {
    lazy: { vram_resident_mib: 6000, unload: HOOKS.unload, max_concurrency: 2 },
    shrunk: { vram_resident_mib: 6000, ...HOOKS },
    t: { vram_resident_mib: 5000, ...HOOKS },
  };
  bench = new GateBench({ gpu: { concurrency: 3 }, consumers }).absent('shrunk', 't');
  // A hook takes time, so that no earlier reading can count as one that began after it.
  bench.hooks.onBegin = () => bench.clock.pass(1);
});

afterEach(() => bench.stop());

async function asked(name: string): Promise<Asked> {
  const each = bench.ask(name);
  await bench.settled();
  return each;
}

/** A reading of the card, as the sampler makes them all the time. */
async function read(): Promise<void> {
  bench.clock.pass(1);
  await bench.card.fresh(bench.clock.now());
  bench.gate.changed();
  await bench.settled();
}

async function release(each: Asked, reach: 'served' | 'sent' | 'not_sent'): Promise<void> {
  bench.clock.pass(1);
  if (reach !== 'not_sent') bench.card.uses.set(each.consumer, 6000);
  each.release(reach);
  await bench.settled();
}

describe('memory that one request was let in with is not spent by another one', () => {
  test('while a consumer loads itself', async () => {
    const first = await asked('lazy');
    const second = await asked('t');
    await read();
    expect(second.state).toBe('waiting');
    await release(first, 'served');
    expect(bench.hooks.calls).toEqual(['unload lazy', 'load t']);
    expect(second.state).toBe('granted');
  });

  test('while it says of itself that it has loaded, and the card has not been read since', async () => {
    await read();
    const first = await asked('lazy');
    bench.clock.pass(1);
    bench.card.uses.set('lazy', 5500);
    bench.registry.probed(bench.consumer('lazy'), { startedAt: bench.clock.now(), outcome: { type: 'good', report: { loaded: true, usedMib: 5500 } } });
    const second = await asked('t');
    expect([first.state, second.state]).toEqual(['granted', 'waiting']);
    expect(bench.hooks.calls).toEqual([]);
    await release(first, 'served');
    expect(second.state).toBe('granted');
  });

  test('nor is it counted twice, when the card shows it and the consumer has not said so yet', async () => {
    bench.registry.probed(bench.consumer('lazy'), { startedAt: bench.clock.now(), outcome: { type: 'good', report: { loaded: false, usedMib: 100 } } });
    const first = await asked('lazy');
    bench.card.uses.set('lazy', 5500);
    await read();
    const second = await asked('t');
    // Refused it would be if 5500 that are taken and 5900 that are promised were all to be made room for.
    expect([first.state, second.state]).toEqual(['granted', 'waiting']);
    await release(first, 'served');
    expect(second.state).toBe('granted');
  });

  test('nor is it counted twice, when its first job ends while the card is read', async () => {
    const first = await asked('lazy');
    bench.clock.pass(1);
    bench.card.uses.set('lazy', 5500);
    bench.card.poll();
    bench.card.isSlow = true;
    const second = await asked('t');
    await release(first, 'served');
    bench.card.isSlow = false;
    bench.card.pending[0]?.end();
    await bench.settled();
    // Nobody works any more: refused it would be if 5500 that are taken were promised as well.
    expect(bench.hooks.calls).toEqual(['unload lazy', 'load t']);
    expect(second.state).toBe('granted');
  });

  test('while a resident consumer takes back what it has given away', async () => {
    await release(await asked('shrunk'), 'served');
    bench.card.uses.set('shrunk', 1000);
    await read();
    const first = await asked('shrunk');
    const second = await asked('t');
    await read();
    expect([first.state, second.state]).toEqual(['granted', 'waiting']);
    await release(first, 'served');
    expect(second.state).toBe('granted');
  });

  test('though one of two first jobs was never sent', async () => {
    const [one, two] = [await asked('lazy'), await asked('lazy')];
    await release(one, 'not_sent');
    const second = await asked('t');
    await read();
    expect([two.state, second.state]).toEqual(['granted', 'waiting']);
  });

  test('though one of two first jobs broke off', async () => {
    const [one, two] = [await asked('lazy'), await asked('lazy')];
    await release(one, 'sent');
    bench.card.uses.set('lazy', 0);
    await read();
    const second = await asked('t');
    expect([two.state, second.state]).toEqual(['granted', 'waiting']);
  });
});

describe('a promise ends', () => {
  test('when its only job was never sent', async () => {
    await release(await asked('lazy'), 'not_sent');
    expect(bench.consumer('lazy').promisedUntil).toBeNull();
    expect((await asked('t')).state).toBe('granted');
    expect(bench.hooks.calls).toEqual(['load t']);
  });

  test('with the first reading after the job', async () => {
    await release(await asked('lazy'), 'served');
    expect(bench.consumer('lazy').promisedUntil).toBe('sample');
    await read();
    expect(bench.consumer('lazy').promisedUntil).toBeNull();
  });

  test('with the first reading after the load, though the job goes on', async () => {
    await asked('t');
    expect(bench.consumer('t').promisedUntil).toBe('sample');
    await read();
    expect(bench.consumer('t').promisedUntil).toBeNull();
  });

  test('with the unload', async () => {
    await release(await asked('lazy'), 'served');
    bench.ask('lazy', { work: 'unload' });
    await bench.settled();
    expect(bench.consumer('lazy')).toMatchObject({ promisedUntil: null, residency: 'absent' });
  });
});
