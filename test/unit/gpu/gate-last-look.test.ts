import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import { until } from '../../support/until.ts';

let bench: GateBench;

const SIZED = { vram_resident_mib: 4000, ...HOOKS };

/** Two of 4000 MiB each on a card of 6000: `a` is loaded and idle, `b` is not loaded. */
beforeEach(() => {
  bench = new GateBench({ consumers: { a: SIZED, b: SIZED } }, { totalMib: 6000 }).absent('b');
});

afterEach(() => bench.stop());

/** At the first look at `a`, after the plan and before its unload. */
function atTheLook(happens: () => void): void {
  bench.hooks.onLook = () => {
    bench.hooks.onLook = () => undefined;
    happens();
  };
}

describe('a consumer that is to be unloaded for another', () => {
  test('and is found working for others, is waited for', async () => {
    atTheLook(() => bench.hooks.working.add('a'));
    const asked = bench.ask('b');
    await bench.settled();
    expect([asked.state, bench.hooks.calls, bench.gate.statistics.evictions]).toEqual(['waiting', [], 0]);
    bench.hooks.working.delete('a');
    bench.clock.pass(1);
    const outcome = { type: 'good', report: { loaded: null, usedMib: null } } as const;
    bench.registry.probed(bench.consumer('a'), { startedAt: bench.clock.now(), outcome, isWorking: false });
    await bench.settled();
    expect([asked.state, bench.hooks.calls]).toEqual(['granted', ['unload a', 'load b']]);
  });

  test('and is found absent, need not be', async () => {
    atTheLook(() => bench.absent('a'));
    const asked = bench.ask('b');
    await bench.settled();
    expect([asked.state, bench.hooks.calls, bench.gate.statistics.evictions]).toEqual(['granted', ['load b'], 0]);
  });

  test('stays if the one that asked has left', async () => {
    const asked = bench.ask('b');
    atTheLook(() => bench.leave(asked));
    await bench.settled();
    expect([asked.state, bench.hooks.looks, bench.hooks.begun]).toEqual(['left', ['a'], []]);
  });

  test('and is replaced by a reload, is planned for anew', async () => {
    atTheLook(() => bench.reconfigure({ consumers: { a: { ...SIZED, url: 'http://127.0.0.1:9001' }, b: SIZED } }));
    const asked = bench.ask('b');
    await until(() => asked.state === 'granted');
    expect(bench.hooks.looks).toHaveLength(2);
    expect(bench.hooks.calls).toEqual(['unload a', 'load b']);
  });
});

describe('a consumer that is to be unloaded by hand', () => {
  test('and is found absent, need not be', async () => {
    atTheLook(() => bench.absent('a'));
    const asked = bench.ask('a', { work: 'unload' });
    await bench.settled();
    expect([asked.state, bench.hooks.looks, bench.hooks.begun]).toEqual(['done', ['a'], []]);
  });

  test('stays if the one that asked has left', async () => {
    const asked = bench.ask('a', { work: 'unload' });
    atTheLook(() => bench.leave(asked));
    await bench.settled();
    expect([asked.state, bench.hooks.looks, bench.hooks.begun]).toEqual(['left', ['a'], []]);
  });
});
