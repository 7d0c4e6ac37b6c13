import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { openRequest, request } from '../support/http.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { until } from '../support/until.ts';

let broker: Broker;
afterEach(() => broker.stop());

const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });

/** Work that ends when the test says so. */
function heldWork(fake: FakeConsumer): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.on('POST /work', async (exchange) => {
    await exchange.delay(promise);
    await exchange.json(200, { by: fake.port });
  });
  return resolve;
}

describe('a reload', () => {
  test('reaches new requests only: those that run or wait finish on the configuration they began with', async () => {
    const before = await simpleConsumer();
    const after = await simpleConsumer();
    const finish = heldWork(before);
    broker = await startBroker({ consumers: { one: { fake: before } } });
    const running = post();
    await broker.running(1);
    const waiting = post();
    await broker.waiting(1);
    broker.reload({ consumers: { one: { fake: after } } });
    const fresh = post();
    await broker.waiting(2);
    finish();
    expect(JSON.parse((await running.ended).body)).toEqual({ by: before.port });
    expect(JSON.parse((await waiting.ended).body)).toEqual({ by: before.port });
    expect(JSON.parse((await fresh.ended).body)).toEqual({ done: true });
    expect([before.jobs.length, after.jobs.length]).toEqual([2, 1]);
    await Promise.all([before.stop(), after.stop()]);
  });

  test('unloads a consumer that is gone, once its work has ended, and forgets it', async () => {
    const gone = await simpleConsumer();
    const stays = await simpleConsumer();
    const finish = heldWork(gone);
    broker = await startBroker({ consumers: { one: { fake: gone, settings: { load: { path: '/load' }, unload: { path: '/unload' } } }, two: { fake: stays } } });
    const running = post();
    await broker.running(1);
    broker.reload({ consumers: { two: { fake: stays } } });
    expect((await broker.status()).consumers.map(({ name }) => name)).toEqual(['one (retired)', 'two']);
    expect(gone.loaded).toBe(true);
    finish();
    expect((await running.ended).complete).toBe(true);
    await until(() => broker.daemon.registry.everyone().length === 1);
    expect(gone.loaded).toBe(false);
    await gone.stop();
  });

  test('keeps what is known of a consumer whose address stays', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake } } });
    await post().ended;
    broker.reload({ consumers: { one: { fake, settings: { priority: 4 } } } });
    expect((await broker.status()).consumers[0]).toMatchObject({ name: 'one', healthy: true, total_requests: 1, priority: 4 });
  });

  test('says which settings need a restart', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake } } });
    broker.reload({ consumers: { one: { fake } }, settings: { listen: '127.0.0.1:9' } });
    expect(broker.logger.lines.find(({ message }) => message.includes('needs a restart'))?.fields).toMatchObject({ key: 'listen' });
    expect((await request({ url: `${broker.url}/healthz` })).status).toBe(200);
  });

  test('of a bad file changes nothing, and the status says so', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake } } });
    broker.daemon.reloadFailed('consumers.yaml:3:5: consumers.one: no');
    expect((await broker.status()).config.reload_error).toBe('consumers.yaml:3:5: consumers.one: no');
    expect((await post().ended).status).toBe(200);
  });
});
