import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer, FakeExchange } from '../support/fake-consumer.ts';
import { openUpload, request } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake, settings: { gpu_paths: ['POST /work'] } } }, settings: { audio_proxy: 'one', health: { interval: '1h' } } });
  await fake.waitFor(({ path }) => path === '/health');
});
afterEach(() => broker.stop());

const seen = (path: string) => fake.requests.filter((each) => each.path === path);

/** Answers the first request and cuts the connection when the next one comes, as a server does that closes an idle one just then. */
function cutsAfterTheFirst(): (exchange: FakeExchange) => Promise<void> | void {
  let count = 0;
  return (exchange) => {
    count += 1;
    if (count === 2) exchange.rst();
    else return exchange.json(200, { count });
  };
}

describe('a pooled connection that the consumer has just closed', () => {
  test.each(['GET', 'HEAD'])('is met by a %s of /audio, which is sent once more on a fresh one', async (method) => {
    fake.on(`${method} /audio/a.wav`, cutsAfterTheFirst());
    const get = () => request({ url: `${broker.url}/audio/a.wav`, method });
    expect((await get()).status).toBe(200);
    const answer = await get();
    expect([answer.status, answer.body]).toEqual([200, method === 'GET' ? '{"count":3}' : '']);
    expect(seen('/audio/a.wav')).toHaveLength(3);
  });

  test('is met twice in a row: the second time is told', async () => {
    let count = 0;
    fake.on('GET /audio/a.wav', (exchange) => {
      count += 1;
      if (count > 1) exchange.rst();
      else return exchange.json(200, {});
    });
    const get = () => request({ url: `${broker.url}/audio/a.wav` });
    await get();
    expect((await get()).status).toBe(502);
    expect(seen('/audio/a.wav')).toHaveLength(3);
  });

  test('is met, and then another of the pool: it is sent once more, not again and again', async () => {
    const both = Promise.withResolvers<void>();
    let count = 0;
    fake.on('GET /audio/a.wav', async (exchange) => {
      count += 1;
      if (count === 2) both.resolve();
      if (count > 2) return exchange.rst();
      await exchange.delay(both.promise);
      return exchange.json(200, {});
    });
    const get = () => request({ url: `${broker.url}/audio/a.wav` });
    for (const { status } of await Promise.all([get(), get()])) expect(status).toBe(200);
    expect((await get()).status).toBe(502);
    expect(count).toBe(4);
  });

  test('is met by a POST, which is never sent twice', async () => {
    fake.on('POST /work', cutsAfterTheFirst());
    const post = () => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: { text: 'hi' } });
    expect((await post()).status).toBe(200);
    expect((await post()).status).toBe(502);
    expect(seen('/work')).toHaveLength(2);
    await broker.running(0);
  });

  test('is not used when it was seen to close', async () => {
    const connections = fake.connections;
    const post = () => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    expect((await post()).status).toBe(200);
    expect(fake.openConnections).toBe(1);
    fake.refuse();
    await until(() => fake.openConnections === 0);
    await fake.listenAgain();
    expect((await post()).status).toBe(200);
    expect(fake.connections).toBe(connections + 2);
  });

  test('is none that was asked to close, behind a body in chunks, though the consumer neither says nor does so', async () => {
    fake.on('POST /free', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
      if (exchange.head.headers['connection'] === 'close') await exchange.never();
    }, { gpu: false });
    const url = `${broker.url}/upstream/one/free`;
    const chunked = openUpload(url);
    chunked.request.end('whole');
    expect((await chunked.ended).status).toBe(200);
    expect(seen('/free')[0]?.headers['connection']).toBe('close');
    expect((await request({ url, method: 'POST', body: 'next' })).status).toBe(200);
  });

  test('is a fresh one that breaks: that is no stale connection, and a GET is not sent again', async () => {
    fake.on('GET /audio/a.wav', (exchange) => exchange.rst());
    expect((await request({ url: `${broker.url}/audio/a.wav` })).status).toBe(502);
    expect(seen('/audio/a.wav')).toHaveLength(1);
  });
});
