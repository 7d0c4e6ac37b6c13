import { afterEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import { until } from '../../support/until.ts';

let bench: GateBench;
afterEach(() => bench.stop());

const sized = (vram_resident_mib: number) => ({ vram_resident_mib, ...HOOKS });

/** `t` is absent and needs `a`'s memory; a reading takes 100 ms. */
function crowded(settings = {}): GateBench {
  bench = new GateBench({ eviction: { settle_timeout: '1s' }, consumers: { t: sized(4000), a: sized(4000) }, ...settings }, { totalMib: 6000 }).absent('t');
  bench.card.readingMs = 100;
  bench.events.told.length = 0;
  return bench;
}

const told = () => bench.events.told.filter(({ type }) => type !== 'residency');

describe('the gate tells', () => {
  test('of a request that needs nothing that it waited and was granted, in this order and in one turn', () => {
    bench = new GateBench({ consumers: { a: {} } });
    bench.events.told.length = 0;
    bench.ask('a', { client: 'user u' });
    const label = { request: '0 exchange a', kind: null, consumer: 'a', model: null, client: 'user u' };
    expect(told()).toEqual([
      { type: 'request_waiting', ...label },
      { type: 'request_granted', ...label, queue_ms: 0, evict_ms: null, load_ms: null },
    ]);
  });

  test.each([['exchange', 'granted'], ['load', 'done']] as const)('how long an %s has waited behind another until it was %s', async (work, state) => {
    bench = new GateBench({ consumers: { a: {} } });
    const [first, second] = [bench.ask('a'), bench.ask('a', { work })];
    await bench.settled();
    bench.clock.pass(200);
    first.release();
    await bench.settled();
    expect([second.state, bench.events.of('request_granted').map(({ queue_ms: queueMs }) => queueMs)]).toEqual([state, [0, 200]]);
  });

  test('that one no longer has the card, once its consumer has stopped, and how long it had it', async () => {
    bench = new GateBench({ consumers: { a: { busy: { path: '/prompt', pointer: '/left' } } } });
    const asked = bench.ask('a', { client: 'user u' });
    await bench.settled();
    bench.events.told.length = 0;
    bench.clock.pass(100);
    asked.release();
    await bench.settled();
    expect([bench.completion.pending.length, bench.events.types]).toEqual([1, []]);
    bench.clock.pass(50);
    bench.completion.pending[0]?.end();
    await bench.settled();
    expect(told()).toEqual([{ type: 'request_released', request: '0 exchange a', kind: null, consumer: 'a', model: null, client: 'user u', run_ms: 150 }]);
  });

  test('nothing of one that is refused at once, and no grant of one that has left', async () => {
    bench = new GateBench({ queue: { max_waiting: 1 }, consumers: { a: {} } }, { isClosed: true });
    bench.events.told.length = 0;
    const waiting = bench.ask('a');
    expect(() => bench.ask('a')).toThrow('wait for the card already');
    bench.leave(waiting);
    bench.gate.open();
    await bench.settled();
    expect(bench.events.types).toEqual(['request_waiting']);
  });

  test('how room is made, and when, with what was expected and what the card showed', async () => {
    crowded().hooks.keepsMib.set('a', 100);
    const asked = bench.ask('t');
    await bench.settled();
    const unloading = { consumer: 'a', for: 't', request: '0 exchange t', reason: 'room', explanation: expect.stringContaining('a'), expected_mib: 4000 };
    expect(told().slice(1)).toEqual([
      { type: 'unloading', ...unloading },
      { type: 'unloaded', ...unloading, result: 'freed', freed_mib: 3900, hook_ms: 0, settle_ms: 100, error: null },
      { type: 'loading', consumer: 't', request: '0 exchange t' },
      { type: 'loaded', consumer: 't', request: '0 exchange t', result: 'ready', load_ms: 0, error: null },
      expect.objectContaining({ type: 'request_granted', evict_ms: 100, load_ms: 0 }),
    ]);
    expect(asked.state).toBe('granted');
  });

  test.each([
    ['a hook that fails', { hook_ms: 0, settle_ms: null, freed_mib: null, error: 'as told' }, () => bench.hooks.failing.add('a')],
    ['memory that does not come back', { hook_ms: 0, settle_ms: expect.any(Number), freed_mib: 0, error: 'its memory was not seen free in time' }, () => bench.hooks.keepsMib.set('a', 4000)],
  ])('that room could not be made: %s', async (_what, expected, arrange) => {
    crowded();
    arrange();
    const asked = bench.ask('t');
    // Between two readings of the settling card real time passes.
    await until(() => asked.state !== 'waiting');
    expect(bench.events.of('unloaded')).toMatchObject([{ consumer: 'a', result: 'failed', ...expected }]);
    expect(asked.refusal.kind.error).toBe('eviction_failed');
    expect(bench.events.of('request_granted')).toEqual([]);
  });

  test('that a load has failed', async () => {
    bench = new GateBench({ consumers: { t: sized(4000) } }).absent('t');
    bench.hooks.failing.add('t');
    bench.ask('t');
    await bench.settled();
    expect(bench.events.of('loaded')).toMatchObject([{ consumer: 't', result: 'failed', error: 'as told' }]);
  });

  test('of an unloading by hand that somebody wanted it, and that it was done', async () => {
    crowded();
    bench.ask('a', { work: 'unload' });
    await bench.settled();
    const label = { request: '0 unload a', kind: 'unload', consumer: 'a', model: null, client: null };
    expect(told()).toEqual([
      { type: 'request_waiting', ...label },
      expect.objectContaining({ type: 'unloading', for: null, reason: 'hand', explanation: null, expected_mib: 4000 }),
      expect.objectContaining({ type: 'unloaded', reason: 'hand', result: 'freed', freed_mib: 4000 }),
      { type: 'request_granted', ...label, queue_ms: expect.any(Number), evict_ms: null, load_ms: null },
    ]);
  });

  test('of a pause once, and of its end once', () => {
    bench = new GateBench({ consumers: { a: {} } });
    bench.events.told.length = 0;
    for (const by of ['me', 'you']) bench.gate.pause({ since: bench.clock.wall(), by });
    bench.gate.resume();
    bench.gate.resume();
    expect(bench.events.told).toEqual([
      { type: 'pause', paused: true, by: 'me' },
      { type: 'pause', paused: false, by: null },
    ]);
  });
});

describe('the registry tells', () => {
  test('of health and residency as the log has it', () => {
    bench = new GateBench({ consumers: { a: {} } });
    bench.events.told.length = 0;
    bench.probe('a', false);
    bench.probe('a', false);
    bench.probe('a', true);
    bench.absent('a');
    expect(bench.events.told).toEqual([
      { type: 'health', consumer: 'a', from: 'healthy', to: 'unhealthy', reason: 'as told' },
      { type: 'health', consumer: 'a', from: 'unhealthy', to: 'healthy', reason: 'answered' },
      { type: 'residency', consumer: 'a', from: 'resident', to: 'absent', reason: 'probe: good' },
    ]);
  });
});
