import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openUpload, request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: { audio_proxy: 'one' } });
});
afterEach(async () => {
  await broker.stop();
  expect(fake.errors).toEqual([]);
});

async function send(bytes: string): Promise<RawClient> {
  const client = await RawClient.open(broker.port);
  client.send(bytes);
  return client;
}

describe('a request body on a gated path', () => {
  const KIB = 1024;
  // About the size up to which a body stays in memory, and the one that a fake consumer keeps.
  test.each([0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 128 * KIB + 1, KIB * KIB])('of %d bytes arrives byte for byte with its true length, however it was framed', async (bytes) => {
    const body = randomBytes(bytes);
    const url = `${broker.url}/v1/tts`;
    expect((await request({ url, method: 'POST', body })).status).toBe(200);
    const chunked = openUpload(url, { 'transfer-encoding': 'chunked' });
    for (let at = 0; at < bytes; at += 10_000) chunked.request.write(body.subarray(at, at + 10_000));
    chunked.request.end();
    expect((await chunked.ended).status).toBe(200);
    expect(fake.jobs).toHaveLength(2);
    for (const { headers, body: received = Buffer.alloc(0) } of fake.jobs) {
      expect([headers['content-length'], headers['transfer-encoding']]).toEqual([String(bytes), undefined]);
      expect(received.equals(body)).toBe(true);
    }
  });

  test('without any framing is none, and the consumer is told so', async () => {
    const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await client.answer())?.status).toBe(200);
    expect(fake.jobs[0]?.headers['content-length']).toBe('0');
    client.socket.destroy();
  });

  test('loses its trailers, and the next request of the connection is served', async () => {
    const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n');
    expect((await client.answer())?.status).toBe(200);
    client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nnext');
    expect((await client.answer())?.status).toBe(200);
    expect(fake.jobs.map(({ body }) => body?.toString())).toEqual(['{}', 'next']);
    expect(fake.jobs[0]?.raw).not.toMatch(/x-sum/i);
    client.socket.destroy();
  });
});

describe('a request body on an ungated path', () => {
  const HEAD = 'GET /audio/find HTTP/1.1\r\nHost: localhost\r\n';
  beforeEach(() => {
    fake.on('GET /audio/find', async (exchange) => exchange.json(200, { said: (await exchange.readBody()).toString() }));
  });

  test.each([
    ['of known length', `${HEAD}Content-Length: 9\r\n\r\nfirstlast`],
    ['in chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n`],
  ])('%s arrives whole although it came in one packet with its head', async (_how, bytes) => {
    const client = await send(bytes);
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"said":"firstlast"}' });
    await until(() => broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['bytes_in'] === 9));
    client.socket.destroy();
  });

  test('whose client leaves in its middle ends at the consumer too', async () => {
    const client = await send(`${HEAD}Content-Length: 9\r\n\r\nfirst`);
    await fake.waitFor(({ path, body }) => path === '/audio/find' && body?.toString() === 'first');
    client.reset();
    await fake.waitFor(({ path, aborted }) => path === '/audio/find' && aborted === true);
  });
});
