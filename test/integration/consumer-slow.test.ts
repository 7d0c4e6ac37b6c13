import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
afterEach(() => broker.stop());

async function start(timeouts: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake, settings: { timeouts } } }, settings: { audio_proxy: 'one' } });
}

const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
/** That it serves the next request, with time for it. */
const works = async (): Promise<void> => {
  broker.reload({ consumers: { one: { fake } } });
  fake.on('POST /work', (exchange) => exchange.json(200, {}));
  expect((await post().ended).status).toBe(200);
};

describe('a consumer that is slow', () => {
  test('to begin its answer gives 504 at timeouts.first_byte, and its connection is closed', async () => {
    await start({ first_byte: '60ms' });
    fake.on('POST /work', (exchange) => exchange.never());
    const answer = await post().ended;
    expect(answer.status).toBe(504);
    expect(JSON.parse(answer.body)).toEqual({
      error: 'consumer_timeout',
      message: 'one began no answer within 0.06 s (timeouts.first_byte)',
      consumer: 'one',
      retryable: true,
    });
    await until(() => fake.jobs[0]?.aborted === true);
    await broker.running(0);
    await works();
  });

  test('to begin an answer that needs no lease gives 504 as well', async () => {
    await start({ first_byte: '60ms' });
    fake.on('GET /audio/a.wav', (exchange) => exchange.never());
    const answer = await request({ url: `${broker.url}/audio/a.wav` });
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([504, 'consumer_timeout']);
  });

  test('with its first byte has time for the rest, however long that takes in all', async () => {
    await start({ first_byte: '800ms', idle: '800ms' });
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks();
      await exchange.drip(Array.from({ length: 12 }, () => '1\r\nx\r\n'), 80);
      await exchange.endChunks();
    });
    const answer = await post().ended;
    expect([answer.body, answer.complete]).toEqual(['x'.repeat(12), true]);
  });

  test('in the middle of its answer is cut at timeouts.idle, and so is its client', async () => {
    await start({ idle: '60ms' });
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('first');
      await exchange.never();
    });
    const answer = await post().ended;
    expect([answer.status, answer.body, answer.complete]).toEqual([200, 'first', false]);
    await until(() => fake.jobs[0]?.aborted === true);
    await until(() => broker.logger.lines.some(({ fields }) => fields?.['cut'] === 'consumer idle'));
    await works();
  });

  test('in the middle of an answer that began before the request was whole is cut as well', async () => {
    await start({ idle: '300ms' });
    const begun = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('first');
      await begun.promise;
      await exchange.readBody();
      await exchange.never();
    });
    const large = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: Buffer.alloc(16 * 1024 * 1024) });
    await large.response;
    begun.resolve();
    const answer = await large.ended;
    expect([answer.body, answer.complete]).toEqual(['first', false]);
  });

  test('is not blamed while its client uploads: its clock starts with the whole request', async () => {
    await start({ first_byte: '300ms' });
    const client = await RawClient.open(broker.port);
    client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{');
    // Longer than first_byte has passed when a whole exchange has timed out meanwhile.
    fake.on('POST /work', (exchange) => exchange.never());
    expect((await post().ended).status).toBe(504);
    fake.on('POST /work', (exchange) => exchange.json(200, {}));
    client.send('}');
    expect((await client.answer())?.status).toBe(200);
    client.socket.destroy();
  });
});
