import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: { audio_proxy: 'one' } });
});
afterEach(() => broker.stop());

const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
const exchangeLines = () => broker.logger.lines.filter(({ message }) => message === 'exchange').map(({ fields }) => fields);
const works = async (): Promise<void> => {
  fake.on('POST /work', (exchange) => exchange.json(200, {}));
  expect((await post().ended).status).toBe(200);
};

describe('a consumer that crashes', () => {
  test('before its answer began gives 502, and the card is free again', async () => {
    fake.on('POST /work', (exchange) => exchange.rst());
    const answer = await post().ended;
    expect(answer.status).toBe(502);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(answer.body)).toEqual({
      error: 'consumer_unreachable',
      message: 'one broke off before its answer began (ECONNRESET)',
      consumer: 'one',
      retryable: true,
    });
    await broker.running(0);
    await works();
  });

  test('before its answer began closes properly all the same: 502', async () => {
    fake.on('POST /work', (exchange) => exchange.fin());
    expect((await post().ended).status).toBe(502);
  });

  test.each(['rst', 'fin'] as const)('in the middle of a stream (%s) cuts the client: it sees what came and no clean end', async (way) => {
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks(200, { 'Content-Type': 'text/event-stream' });
      await exchange.chunk('data: one\n\n');
      await exchange.readBody();
      exchange[way]();
    });
    const answer = await post().ended;
    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(false);
    await until(() => exchangeLines().length > 0);
    expect(exchangeLines()[0]).toMatchObject({ status: 200, cut: 'consumer broke off', bytes_out: 11 });
    await works();
  });

  test.each(['rst', 'fin'] as const)('in the middle of a body of known length (%s) cuts the client', async (way) => {
    fake.on('POST /work', async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nRIFF');
      exchange[way]();
    });
    const answer = await post().ended;
    expect([answer.status, answer.complete]).toEqual([200, false]);
    await broker.running(0);
    await works();
  });

  test('in the middle of an answer to an HTTP/1.0 client resets it: a plain end would look like success there', async () => {
    const cut = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('half');
      await exchange.delay(cut.promise);
      exchange.rst();
    });
    const client = await RawClient.open(broker.port);
    const error = new Promise((resolve) => client.socket.once('error', resolve).once('close', () => resolve('a plain end')));
    client.send('POST /v1/tts HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}');
    expect((await client.head())?.headers['transfer-encoding']).toBeUndefined();
    expect((await client.read(4)).toString()).toBe('half');
    cut.resolve();
    expect(await error).toMatchObject({ code: 'ECONNRESET' });
  });

  test('when it is asked for a HEAD gives 502 without a body, and the connection stays in step', async () => {
    fake.on('HEAD /audio/a.wav', (exchange) => exchange.rst());
    const client = await RawClient.open(broker.port);
    for (let round = 0; round < 2; round += 1) {
      client.send('HEAD /audio/a.wav HTTP/1.1\r\nHost: localhost\r\n\r\n');
      expect(await client.answer({ head: true })).toMatchObject({ status: 502, headers: { 'content-type': 'application/json; charset=utf-8' } });
    }
    client.socket.destroy();
  });

  test('again and again leaks no lease and no socket', async () => {
    fake.on('POST /work', (exchange) => exchange.rst());
    const answers = await Promise.all(Array.from({ length: 30 }, () => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([502]));
    expect(fake.peakActive).toBe(1);
    await broker.running(0);
    await works();
  });
});
