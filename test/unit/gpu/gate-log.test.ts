import { afterEach, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

afterEach(() => bench.stop());

/** `b` needs the memory of `a`. */
function tightBench(): GateBench {
  const sized = { vram_resident_mib: 4000, ...HOOKS };
  bench = new GateBench({ eviction: { settle_timeout: '1s' }, consumers: { a: sized, b: sized } }, { totalMib: 6000 }).absent('b');
  bench.card.readingMs = 1000;
  return bench;
}

/** What the gate itself has written, without what the registry adds. */
function lines() {
  return bench.logger.lines.filter(({ message }) => message.startsWith('lease') || message.startsWith('unload'));
}

test('each lease is logged with who runs and waits, once at its beginning and once at its end', async () => {
  bench = new GateBench({ consumers: { a: {} } });
  const asked = bench.ask('a');
  bench.ask('a');
  await bench.settled();
  expect(lines()).toEqual([{ level: 'debug', message: 'lease granted', fields: { id: '0 exchange a', consumer: 'a', running: 1, waiting: 0 } }]);
  asked.release();
  await bench.settled();
  expect(lines().slice(1)).toEqual([
    { level: 'debug', message: 'lease ended', fields: { id: '0 exchange a', consumer: 'a', running: 0, waiting: 1 } },
    { level: 'debug', message: 'lease granted', fields: { id: '1 exchange a', consumer: 'a', running: 1, waiting: 0 } },
  ]);
});

test('an unload is logged with why, for whom, what came free and how long that took', async () => {
  tightBench().hooks.isSlow = true;
  bench.ask('b');
  await bench.settled();
  bench.clock.pass(300);
  bench.hooks.current.end();
  await bench.settled();
  expect(lines()).toEqual([
    {
      level: 'info',
      message: 'unloaded',
      fields: {
        consumer: 'a',
        for: 'b',
        id: '0 exchange b',
        expected_mib: 4000,
        freed_mib: 4000,
        hook_ms: 300,
        settle_ms: 1000,
        reason: 'b needs 4000 MiB with its cushion and 2000 MiB can be had: a (4000 MiB, not used yet) will be unloaded',
      },
    },
  ]);
});

test('an unload by hand is logged as that', async () => {
  tightBench();
  bench.ask('a', { work: 'unload' });
  await bench.settled();
  expect(lines()).toMatchObject([{ level: 'info', message: 'unloaded', fields: { consumer: 'a', for: 'request by hand', expected_mib: 4000, freed_mib: 4000 } }]);
});

test('an unload after which the memory was not seen free is an error', async () => {
  tightBench().hooks.keepsMib.set('a', 4000);
  bench.ask('b');
  await bench.settled();
  expect(lines()).toMatchObject([
    { level: 'error', message: 'unloaded, but its memory was not seen free', fields: { consumer: 'a', for: 'b', expected_mib: 4000, freed_mib: 0 } },
  ]);
});

test('an unload that failed is an error with its reason', async () => {
  tightBench().hooks.failing.add('a');
  bench.ask('b');
  await bench.settled();
  expect(lines()).toEqual([{ level: 'error', message: 'unload failed', fields: { consumer: 'a', for: 'b', id: '0 exchange b', error: 'as told' } }]);
});
