import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import { until } from '../support/until.ts';

const HOOKS = { load: { path: '/load' }, unload: { path: '/unload' } };

let broker: Broker;
afterEach(() => broker.stop());

function calls(fake: FakeConsumer, path: string): number {
  return fake.requests.filter((each) => each.path === path).length;
}

describe('idle_unload', () => {
  test('unloads what has done nothing for so long, and what is used again is loaded again', async () => {
    const fake = await simpleConsumer();
    const other = await simpleConsumer();
    broker = await startBroker({
      consumers: { one: { fake, settings: { ...HOOKS, idle_unload: '100ms' } }, other: { fake: other, settings: HOOKS } },
    });
    await until(() => calls(fake, '/unload') === 1);
    expect((await openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} }).ended).status).toBe(200);
    expect(calls(fake, '/load')).toBe(1);
    await until(() => calls(fake, '/unload') === 2);
    expect(calls(other, '/unload')).toBe(0);
  });

  test('never unloads what works, and counts from the end of the work', async () => {
    const fake = await simpleConsumer();
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await held.promise;
      await exchange.json(200, {});
    });
    broker = await startBroker({ consumers: { one: { fake, settings: HOOKS } }, settings: { idle_unload: '300ms' } });
    const work = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });
    await fake.waitFor(1);
    const probes = calls(fake, '/health');
    // Well over the limit, as probes come every 50 ms.
    await until(() => calls(fake, '/health') > probes + 10);
    expect(calls(fake, '/unload')).toBe(0);
    const endedAt = performance.now();
    held.resolve();
    expect((await work.ended).status).toBe(200);
    await until(() => calls(fake, '/unload') === 1);
    expect(performance.now() - endedAt).toBeGreaterThanOrEqual(290);
  });

  test('leaves alone what manages its own memory', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake, settings: { ...HOOKS, vram_managed: true } } }, settings: { idle_unload: '20ms' } });
    const probes = calls(fake, '/health');
    await until(() => calls(fake, '/health') > probes + 5);
    expect(calls(fake, '/unload')).toBe(0);
  });
});

describe('preload', () => {
  test('loads in its order what fits, and throws nothing out for it', async () => {
    const card = fakeCard({ totalMib: 10_000 });
    const share = cardShares(card);
    const start = async (name: string, loadedMib: number, loaded = false): Promise<FakeConsumer> => {
      const fake = await simpleConsumer({ loaded, loadedMib, memory: share(name) });
      fake.on('GET /ps', (exchange) => exchange.json(200, { models: fake.loaded ? [name] : [] }));
      return fake;
    };
    const [there, first, large, last] = [await start('there', 3000, true), await start('first', 2000), await start('large', 6000), await start('last', 2000)];
    const settings = (mib: number) => ({ ...HOOKS, vram_resident_mib: mib, residency: { path: '/ps', items: '/models' } });
    broker = await startBroker({
      card,
      consumers: {
        there: { fake: there, settings: settings(3000) },
        first: { fake: first, settings: settings(2000) },
        large: { fake: large, settings: settings(6000) },
        last: { fake: last, settings: settings(2000) },
      },
      settings: { preload: ['there', 'first', 'large', 'last'] },
    });
    await until(() => last.loaded);
    expect([there, first, large, last].map((fake) => calls(fake, '/load'))).toEqual([0, 1, 0, 1]);
    expect(calls(there, '/unload')).toBe(0);
    const line = broker.logger.lines.find(({ message }) => message === 'not preloaded: it does not fit beside what is there');
    expect(line?.fields).toMatchObject({ consumer: 'large', reason: expect.stringContaining('large') });
  });
});
