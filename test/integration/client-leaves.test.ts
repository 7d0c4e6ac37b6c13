import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: { audio_proxy: 'one' } });
});
afterEach(() => broker.stop());

const POST = 'POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}';
const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
const lines = () => broker.logger.lines.filter(({ message }) => message === 'exchange').map(({ fields }) => fields);

/** Reads the head of the answer and lets the rest flow away. */
async function taking(open: OpenRequest): Promise<OpenRequest> {
  (await open.response).on('error', () => undefined).resume();
  return open;
}

describe('a client that leaves', () => {
  test('in the middle of a stream ends the work at the consumer, and the card goes to the next', async () => {
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('first');
      await exchange.never();
    });
    const open = await taking(post());
    const next = post();
    await broker.waiting(1);
    fake.on('POST /work', (exchange) => exchange.json(200, {}));
    open.abort();
    await fake.waitFor(({ aborted }) => aborted === true);
    expect((await next.ended).status).toBe(200);
    await until(() => lines().length === 2);
    expect(lines()[0]).toMatchObject({ status: 200, cut: 'client left', bytes_out: 5 });
    expect(fake.peakActive).toBe(1);
  });

  test('while the consumer computes ends that as well', async () => {
    fake.on('POST /work', (exchange) => exchange.never());
    const open = post();
    await fake.waitFor(1);
    open.abort();
    await fake.waitFor(({ aborted }) => aborted === true);
    await broker.running(0);
    await until(() => lines().length === 1);
    expect(lines()[0]).toMatchObject({ status: null, cut: 'client left' });
  });

  test('without a goodbye is the same', async () => {
    fake.on('POST /work', (exchange) => exchange.never());
    const client = await RawClient.open(broker.port);
    client.send(POST);
    await fake.waitFor(1);
    client.reset();
    await fake.waitFor(({ aborted }) => aborted === true);
    await broker.running(0);
  });

  test('from an ungated stream ends it at the consumer too', async () => {
    fake.on('GET /audio/a.wav', async (exchange) => {
      await exchange.beginChunks();
      await exchange.never();
    });
    const open = await taking(openRequest({ url: `${broker.url}/audio/a.wav` }));
    open.abort();
    await fake.waitFor(({ path, aborted }) => path === '/audio/a.wav' && aborted === true);
  });

  test('while its body is on the way to a consumer that takes its time ends that', async () => {
    const left = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await left.promise;
      await exchange.readBody();
    });
    const open = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: Buffer.alloc(24 * 1024 * 1024) });
    await fake.waitFor(1);
    open.abort();
    await broker.running(0);
    left.resolve();
    await fake.waitFor(({ aborted }) => aborted === true);
    await until(() => broker.daemon.spooledBytes === 0);
  });
});
