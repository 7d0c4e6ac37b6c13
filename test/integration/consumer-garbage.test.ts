import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';

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

const post = () => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });

/** The consumer writes `bytes` for an answer, and ends there if told so. */
function answers(bytes: string, end = false): void {
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.write(bytes);
    if (end) exchange.fin();
    else await exchange.never();
  });
}

async function worksOnAFreshConnection(): Promise<void> {
  const before = fake.jobs.length;
  const connections = fake.connections;
  fake.on('POST /work', (exchange) => exchange.json(200, { done: true }));
  const answer = await post();
  expect([answer.status, answer.body]).toEqual([200, '{"done":true}']);
  expect(fake.jobs).toHaveLength(before + 1);
  expect(fake.connections).toBeGreaterThan(connections);
}

describe('an answer that is no HTTP', () => {
  test.each([
    ['TLS', '\x16\x03\x01\x02\x00\x01'],
    ['text', 'CUDA error: secret-path/model.bin not found\n'],
    ['an older protocol', 'ICY 200 OK\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nsecret-path\r\n\r\n'],
    ['a folded header name', 'HTTP/1.1 200 OK\r\nA B: 1\r\n\r\n'],
    ['a NUL in a header', 'HTTP/1.1 200 OK\r\nA: secret-path\0\r\n\r\n'],
    ['a header of 64 KiB', `HTTP/1.1 200 OK\r\nA: ${'secret-path'.repeat(6000)}\r\n\r\n`],
    ['a header of 1 MiB', `HTTP/1.1 200 OK\r\nA: ${'secret-path'.repeat(100_000)}\r\n\r\n`],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello'],
    ['a status that is no number', 'HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n'],
  ])('(%s) gives 502, of which nothing is told but a code', async (_what, bytes) => {
    answers(bytes, true);
    const answer = await post();
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'consumer_unreachable', consumer: 'one', retryable: true });
    expect(answer.body).not.toMatch(/secret|127\.0\.0\.1|stack/);
    await broker.running(0);
    await worksOnAFreshConnection();
  });

  test.each([
    ['a reason with a control character', 'HTTP/1.1 200 \x01\x02 secret\r\nContent-Length: 0\r\n\r\n'],
    ['a switch of protocols that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: secret\r\nConnection: upgrade\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'],
    ['a status above 999', 'HTTP/1.1 1200 Odd\r\nContent-Length: 0\r\n\r\n'],
  ])('(%s) gives 502, and the daemon lives', async (_what, bytes) => {
    answers(bytes);
    const answer = await post();
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([502, 'consumer_unreachable']);
    expect(answer.body).not.toContain('secret');
    await broker.running(0);
    await worksOnAFreshConnection();
  });

  test.each([
    ['a chunk size that is no number', '5\r\nhello\r\nxyz\r\n'],
    ['a chunk that is longer than it said', '5\r\nhello, and more\r\n0\r\n\r\n'],
    ['a chunk size beyond all bounds', '5\r\nhello\r\nffffffffffffffffff\r\n'],
  ])('(%s) cuts the client', async (_what, chunks) => {
    const begun = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.beginChunks();
      await exchange.delay(begun.promise);
      await exchange.write(chunks);
      await exchange.never();
    });
    const open = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await open.response;
    begun.resolve();
    expect((await open.ended).complete).toBe(false);
    await broker.running(0);
    await worksOnAFreshConnection();
  });

  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\npoison'],
  ])('(a body that a %s may not have) does not reach the next client', async (method, bytes) => {
    fake.on(`${method} /audio/a`, async (exchange) => {
      await exchange.write(bytes);
      await exchange.never();
    });
    fake.on('GET /audio/b', (exchange) => exchange.send(200, 'fine'));
    expect((await request({ url: `${broker.url}/audio/a`, method })).body).toBe('');
    for (let round = 0; round < 3; round += 1) expect(await request({ url: `${broker.url}/audio/b` })).toMatchObject({ status: 200, body: 'fine' });
  });

  test('does not reach the next client when it comes after an answer', async () => {
    answers('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    expect((await post()).body).toBe('ok');
    fake.on('POST /work', (exchange) => exchange.json(200, { done: true }));
    for (const answer of await Promise.all([post(), post(), post()])) expect([answer.status, answer.body]).toEqual([200, '{"done":true}']);
  });
});

describe('an answer with interim ones before it', () => {
  test('arrives as if they had not been', async () => {
    const flood = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000);
    answers(`HTTP/1.1 100 Continue\r\n\r\n${flood}HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
    const answer = await post();
    expect([answer.status, answer.body, answer.headers['link']]).toEqual([200, 'ok', undefined]);
  });
});
