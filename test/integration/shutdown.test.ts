import { describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import { openRequest, request } from '../support/http.ts';

describe('shutting down', () => {
  test('refuses new and waiting requests on an open port, and lets running work finish', async () => {
    const fake = await simpleConsumer();
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, { done: true });
    });
    const broker = await startBroker({ consumers: { one: { fake } } });
    const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    const running = post();
    await broker.running(1);
    const waiting = post();
    await broker.waiting(1);
    const stopped = broker.daemon.stop(10_000);
    const refused = await waiting.ended;
    expect([refused.status, refused.headers['retry-after'], JSON.parse(refused.body).error]).toEqual([503, '5', 'shutting_down']);
    expect(JSON.parse((await post().ended).body)).toMatchObject({ error: 'shutting_down', retryable: true });
    const ready = await request({ url: `${broker.url}/readyz` });
    expect([ready.status, ready.body]).toEqual([503, expect.stringContaining('shutting down')]);
    held.resolve();
    expect((await running.ended).complete).toBe(true);
    await stopped;
    await expect(request({ url: `${broker.url}/healthz` })).rejects.toThrow('ECONNREFUSED');
    await broker.stop();
  });

  test('leaves loaded what is loaded', async () => {
    const fake = await simpleConsumer();
    const broker = await startBroker({ consumers: { one: { fake, settings: { load: { path: '/load' }, unload: { path: '/unload' } } } } });
    expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
    await broker.daemon.stop(1000);
    expect([fake.loaded, fake.requests.filter(({ path }) => path === '/unload')]).toEqual([true, []]);
    await broker.stop();
  });

  test('cuts what still runs after the grace', async () => {
    const fake = await simpleConsumer();
    fake.on('POST /work', (exchange) => exchange.never());
    const broker = await startBroker({ consumers: { one: { fake } } });
    const running = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    const cut = running.ended.catch((error: unknown) => String(error));
    await fake.waitFor(1);
    await broker.daemon.stop(20);
    expect(await cut).toMatch(/ECONNRESET|closed|hang up/);
    await broker.stop();
  });
});
