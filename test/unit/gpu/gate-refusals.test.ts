import { afterEach, describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../../lib/errors.ts';
import { consumerOf } from '../../support/configured.ts';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import type { GateCard } from '../../support/gate-card.ts';

let bench: GateBench;

afterEach(() => bench.stop());

function refusalOf(ask: () => unknown): BrokerError {
  try {
    ask();
  } catch (error) {
    if (error instanceof BrokerError) return error;
  }
  throw new Error('nothing was refused');
}

function atRest(): void {
  expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 0 });
  for (const consumer of bench.registry.all()) expect(consumer).toMatchObject({ waiting: 0, running: 0, busy: 0 });
}

describe('a full queue', () => {
  test('refuses at once, and says when to come again', async () => {
    bench = new GateBench({ queue: { max_waiting: 2 }, consumers: { a: {} } });
    const running = bench.ask('a');
    bench.ask('a');
    await bench.settled();
    bench.clock.pass(20_000);
    running.release();
    await bench.settled();
    bench.ask('a');
    bench.ask('a');
    expect(refusalOf(() => bench.ask('a'))).toMatchObject({
      kind: { status: 429, error: 'queue_full', retryable: true },
      message: '2 requests wait for the card already (queue.max_waiting is 2)',
      details: { retryAfterS: 40 },
    });
    expect(bench.gate.statistics.waiting).toBe(2);
  });

  test('says so before a body is taken in', () => {
    bench = new GateBench({ queue: { max_waiting: 1 }, consumers: { a: {} } });
    bench.ask('a');
    bench.gate.refuseIfFull();
    bench.ask('a');
    expect(refusalOf(() => bench.gate.refuseIfFull()).kind.error).toBe('queue_full');
  });

  test('has room again when somebody leaves', () => {
    bench = new GateBench({ queue: { max_waiting: 1 }, consumers: { a: {} } });
    bench.ask('a');
    bench.leave(bench.ask('a'));
    expect(() => bench.ask('a')).not.toThrow();
  });
});

describe('a consumer that goes down', () => {
  test('while its request waits, is refused at its turn, and the next one goes on', async () => {
    bench = new GateBench({ consumers: { a: {}, b: {} } });
    const [running, waiting, next] = [bench.ask('b'), bench.ask('a'), bench.ask('b')];
    await bench.settled();
    bench.probe('a', false);
    running.release();
    await bench.settled();
    expect(waiting.refusal).toMatchObject({
      kind: { status: 503, error: 'consumer_unreachable', retryable: true },
      message: 'a is down: as told',
      details: { consumer: 'a', retryAfterS: 5 },
    });
    expect(next.state).toBe('granted');
  });

  test('while the card is read, is refused, and nothing is unloaded for it', async () => {
    const consumers = { a: { vram_resident_mib: 4000, ...HOOKS }, b: { vram_resident_mib: 4000, unload: HOOKS.unload } };
    bench = new GateBench({ consumers }, { totalMib: 6000 });
    bench.card.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    bench.probe('b', false);
    bench.card.pending[0]?.end();
    await bench.settled();
    expect(asked.refusal.kind).toMatchObject({ status: 503, error: 'consumer_unreachable' });
    expect(bench.hooks.begun).toEqual([]);
    atRest();
  });

  test('while room is made for it, is refused after that', async () => {
    const consumers = { a: { vram_resident_mib: 4000, ...HOOKS }, b: { vram_resident_mib: 4000, unload: HOOKS.unload } };
    bench = new GateBench({ consumers }, { totalMib: 6000 });
    bench.hooks.isSlow = true;
    const asked = bench.ask('b');
    await bench.settled();
    bench.probe('b', false);
    bench.hooks.current.end();
    await bench.settled();
    expect(asked.refusal.kind.error).toBe('consumer_unreachable');
    atRest();
  });

  test('and is absent, but has a load hook, is loaded', async () => {
    bench = new GateBench({ consumers: { a: HOOKS } }).absent('a');
    bench.probe('a', false);
    const asked = bench.ask('a');
    await bench.settled();
    expect(bench.hooks.calls).toEqual(['load a']);
    expect(asked.state).toBe('granted');
  });
});

test('a consumer that a reload has seen off, while a client still uploaded for it, is refused as one that is down', async () => {
  bench = new GateBench({ consumers: { a: {}, b: {} } });
  const consumer = bench.consumer('a');
  const before = bench.config;
  bench.reconfigure({ consumers: { b: {} } });
  bench.registry.forget(consumer);
  const request = { id: 'late', work: 'exchange', consumer, consumerConfig: consumerOf(before, 'a'), config: before, maxWaitMs: 1000 } as const;
  await expect(bench.gate.acquire(request).outcome).rejects.toMatchObject({
    kind: { status: 503, error: 'consumer_unreachable', retryable: true },
    message: 'a has left the configuration',
    details: { consumer: 'a', retryAfterS: 1 },
  });
  atRest();
});

describe('memory that cannot be had', () => {
  const managed = { vram_resident_mib: 5000, vram_managed: true };

  test.each([
    ['to be held by a stranger', (card: GateCard) => (card.foreignMib = 3000)],
    ['to be held by nobody', (card: GateCard) => card.uses.set('ended', 3000)],
  ])('by one reading only, in which some seemed %s, is had by the next one', async (_name, take) => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS }, b: managed } }, { totalMib: 10_000 }).absent('a');
    take(bench.card);
    let readings = 0;
    bench.card.onReading = () => {
      readings += 1;
      bench.clock.pass(1);
      if (readings < 2) return;
      bench.card.foreignMib = 0;
      bench.card.uses.delete('ended');
    };
    const asked = bench.ask('a');
    await bench.settled();
    expect(asked.state).toBe('granted');
  });

  test('now, is told with who has it, and may be tried again', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS }, b: managed } }, { totalMib: 10_000 }).absent('a');
    bench.card.foreignMib = 3000;
    const asked = bench.ask('a');
    await bench.settled();
    expect(asked.refusal).toMatchObject({
      kind: { status: 503, error: 'insufficient_vram', retryable: true },
      details: {
        consumer: 'a',
        fields: {
          required_mib: 4000,
          free_mib: 2000,
          holders: [
            { consumer: 'b', mib: 5000 },
            { pid: 4242, name: 'game', mib: 3000, foreign: true },
          ],
        },
      },
    });
    expect(asked.refusal.message).toContain('foreign process game pid 4242: 3000 MiB');
    atRest();
  });

  test('ever on this card, is told as final', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS }, b: managed } }, { totalMib: 3000 }).absent('a', 'b');
    const asked = bench.ask('a');
    await bench.settled();
    expect(asked.refusal).toMatchObject({
      kind: { status: 507, error: 'insufficient_vram', retryable: false },
      details: { fields: { required_mib: 4000, free_mib: 3000, holders: [] } },
    });
  });

  test('ever, has nobody unloaded for it', async () => {
    const consumers = { a: { vram_resident_mib: 20_000, ...HOOKS }, b: { vram_resident_mib: 9000, ...HOOKS }, c: { vram_resident_mib: 9000, ...HOOKS } };
    bench = new GateBench({ consumers }).absent('a');
    bench.card.isReadable = false;
    const asked = bench.ask('a');
    await bench.settled();
    expect(asked.refusal.kind.status).toBe(507);
    expect(bench.hooks.begun).toEqual([]);
  });

  test('does not keep others waiting', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS }, b: managed } }, { totalMib: 3000 }).absent('a');
    const [refused, next] = [bench.ask('a'), bench.ask('b')];
    await bench.settled();
    expect([refused.state, next.state]).toEqual(['refused', 'granted']);
  });
});

describe('a load hook that fails', () => {
  test('is told with its reason, and leaves it unknown whether the weights are loaded', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS } } }).absent('a');
    bench.hooks.failing.add('a');
    const asked = bench.ask('a');
    await bench.settled();
    expect(asked.refusal).toMatchObject({
      kind: { status: 502, error: 'load_failed', retryable: true },
      message: 'a could not be loaded: as told',
      details: { consumer: 'a' },
    });
    expect(bench.consumer('a').residency).toBe('unknown');
    atRest();
  });

  test('is tried again for the next request', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS } } }).absent('a');
    bench.hooks.failing.add('a');
    bench.ask('a');
    await bench.settled();
    bench.hooks.failing.clear();
    const second = bench.ask('a');
    await bench.settled();
    expect(second.state).toBe('granted');
    expect(bench.hooks.calls).toEqual(['load a', 'load a']);
  });
});

test('an error that nobody foresaw is a refusal too, and the next one goes on', async () => {
  bench = new GateBench({ consumers: { a: HOOKS, b: {} } }).absent('a');
  const bug = new Error('a bug');
  bench.card.onReading = () => {
    throw bug;
  };
  const [broken, next] = [bench.ask('a'), bench.ask('b')];
  await bench.settled();
  expect(broken.error).toBe(bug);
  expect(next.state).toBe('granted');
});
