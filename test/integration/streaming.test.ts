import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload, request } from '../support/http.ts';
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

const POST = 'POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}';
const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });

async function send(bytes: string): Promise<RawClient> {
  const client = await RawClient.open(broker.port);
  client.send(bytes);
  return client;
}

describe('an answer that streams', () => {
  test('shows its headers before there is a first byte of it', async () => {
    const first = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.beginChunks(200, { 'Content-Type': 'text/event-stream' });
      await exchange.delay(first.promise);
      await exchange.chunk('data: 1\n\n');
      await exchange.endChunks();
    });
    const open = post();
    const response = await open.response;
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(fake.active).toBe(1);
    first.resolve();
    expect(await open.ended).toMatchObject({ body: 'data: 1\n\n', complete: true });
  });

  test('passes piece by piece: none waits for the next', async () => {
    const pieces = ['R', 'data: {"token":"a"}\n\n', 'x'.repeat(20_000), '\0\xff\r\n\r\n', 'last'];
    const taken = pieces.map(() => Promise.withResolvers<void>());
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.beginChunks();
      for (const [index, piece] of pieces.entries()) {
        await exchange.chunk(Buffer.from(piece, 'latin1'));
        await exchange.delay(taken[index]?.promise ?? Promise.resolve());
      }
      await exchange.endChunks();
    });
    const response = await post().response;
    const received: Buffer[] = [];
    response.on('data', (chunk: Buffer) => received.push(chunk));
    const text = (): string => Buffer.concat(received).toString('latin1');
    for (const index of pieces.keys()) {
      const soFar = pieces.slice(0, index + 1).join('');
      await until(() => text().length >= soFar.length);
      expect(text()).toBe(soFar);
      taken[index]?.resolve();
    }
    await until(() => response.complete);
  });

  test('that the consumer writes a byte at a time, as a whole HTTP message, arrives as it was', async () => {
    const bytes = 'HTTP/1.1 201 Made\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nRIFF\r\n5;ext=1\r\nWAVEf\r\n0\r\n\r\n';
    fake.on('POST /work', (exchange) => exchange.drip(bytes, () => Promise.resolve()));
    expect(await post().ended).toMatchObject({ status: 201, body: 'RIFFWAVEf', complete: true });
  });

  test('without length or chunks ends with its connection', async () => {
    fake.on('POST /work', async (exchange) => {
      await exchange.write('HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n\r\nRIFF');
      exchange.fin();
    });
    expect(await post().ended).toMatchObject({ status: 200, body: 'RIFF', complete: true });
  });

  test('loses its trailers cleanly: the connection serves the next request', async () => {
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n');
    });
    const client = await send(POST);
    for (let round = 0; round < 2; round += 1) {
      const answer = await client.answer();
      expect([answer?.status, answer?.body, answer?.headers['trailer'], answer?.headers['x-sum']]).toEqual([200, 'ok', undefined, undefined]);
      if (round === 0) client.send(POST);
    }
    client.socket.destroy();
  });

  test('reaches an HTTP/1.0 client without chunks, ended by the connection', async () => {
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.beginChunks();
      await exchange.chunk('RIFF');
      await exchange.chunk('WAVE');
      await exchange.endChunks();
    });
    const client = await send('POST /v1/tts HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}');
    const head = await client.head();
    expect([head?.status, head?.headers['transfer-encoding'], head?.headers['connection']]).toEqual([200, undefined, 'close']);
    expect(await client.rest()).toBe('RIFFWAVE');
  });
});

describe('a request body on an ungated path', () => {
  test('streams to the consumer as it comes, in its own framing', async () => {
    const seen = Promise.withResolvers<string>();
    fake.on('GET /audio/find', async (exchange) => {
      seen.resolve((await exchange.readBody(5)).toString());
      await exchange.json(200, { rest: (await exchange.readBody()).toString() });
    });
    const client = await send('GET /audio/find HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    expect(await seen.promise).toBe('first');
    client.send('4\r\nlast\r\n0\r\n\r\n');
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"rest":"last"}' });
    client.send('GET /audio/find HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nfirstlast');
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"rest":"last"}' });
    const [chunked, known] = fake.requests.filter(({ path }) => path === '/audio/find');
    expect([chunked?.headers['transfer-encoding'], known?.headers['content-length']]).toEqual(['chunked', '9']);
    client.socket.destroy();
  });
});

describe('Expect: 100-continue', () => {
  test('is answered once the request may come in, and not before', async () => {
    const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.head())?.status).toBe(100);
    expect(fake.jobs).toHaveLength(0);
    client.send('{}');
    expect((await client.answer())?.status).toBe(200);
    expect(fake.jobs[0]?.headers['expect']).toBeUndefined();
    client.socket.destroy();
  });

  test.each([
    ['an unknown path', 'POST /v1/nothing', 404],
    ['a method that is not allowed', 'PUT /v1/tts', 405],
  ])('is not answered for %s: the refusal comes at once', async (_what, line, status) => {
    const client = await send(`${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
    expect((await client.head())?.status).toBe(status);
    client.socket.destroy();
  });

  test('is not answered for a consumer that is down', async () => {
    fake.refuse();
    await until(() => broker.daemon.registry.byName('one')?.health.state === 'unhealthy');
    const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.head())?.status).toBe(503);
    client.socket.destroy();
  });

  test('is answered on an ungated path too, if there is a body to come', async () => {
    fake.on('GET /audio/find', async (exchange) => exchange.json(200, { body: (await exchange.readBody()).toString() }));
    const client = await send('GET /audio/find HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.head())?.status).toBe(100);
    client.send('{}');
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"body":"{}"}' });
    client.socket.destroy();
  });

  test('is answered for a body of unknown length, which its client may then still leave empty', async () => {
    const sent = openUpload(`${broker.url}/v1/tts`, { expect: '100-continue' });
    sent.request.once('continue', () => sent.request.end());
    expect((await sent.ended).status).toBe(200);
    expect(fake.jobs[0]?.headers['content-length']).toBe('0');
  });
});

test('a client that sends its requests one upon the other gets the answers in that order', async () => {
  fake.on('POST /work', async (exchange) => exchange.json(200, { said: (await exchange.readBody()).toString() }));
  fake.on('GET /audio/a.wav', (exchange) => exchange.send(200, 'RIFF'));
  const client = await send(`${POST}GET /audio/a.wav HTTP/1.1\r\nHost: localhost\r\n\r\n${POST}`);
  const bodies = [await client.answer(), await client.answer(), await client.answer()].map((answer) => answer?.body);
  expect(bodies).toEqual(['{"said":"{}"}', 'RIFF', '{"said":"{}"}']);
  client.socket.destroy();
  expect((await request({ url: `${broker.url}/healthz` })).status).toBe(200);
});
