import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: { audio_proxy: 'one' } });
});
afterEach(() => broker.stop());

/** What the broker adds to an answer of a consumer's, or Node does. */
const OURS = /^(X-Request-Id|X-Consumer|Server-Timing|Date|Connection|Keep-Alive|Transfer-Encoding):/;

/** Sends one request raw and returns the answer with the consumer's own header lines. */
async function exchange(head: string, body = '') {
  const client = await RawClient.open(broker.port);
  client.send(`${head}\r\nHost: localhost\r\n${body === '' ? '' : `Content-Length: ${body.length}\r\n`}\r\n${body}`);
  const answer = await client.answer({ head: head.startsWith('HEAD') });
  client.socket.destroy();
  if (answer === null) throw new Error('no answer');
  return { ...answer, own: answer.lines.filter((line) => !OURS.test(line)) };
}

const POST = 'POST /v1/tts HTTP/1.1';

describe('a consumer\'s answer passes verbatim', () => {
  test.each([200, 201, 206, 400, 401, 404, 409, 418, 422, 429, 500, 502, 503, 507, 599])('with status %d, its reason, its headers and its body', async (status) => {
    const body = `{"detail":[{"loc":["body","text"],"msg":"field required: ${status}"}]}`;
    const lines = ['content-type: application/problem+json', 'X-Odd-CASE: yes', 'x-odd-case: again', `Content-Length: ${body.length}`, 'Retry-After: 7', 'WWW-Authenticate: Basic realm="a, b"'];
    fake.on('POST /work', async (each) => {
      await each.readBody();
      await each.write(`HTTP/1.1 ${status} It is so\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    });
    const answer = await exchange(POST, '{}');
    expect(answer.statusLine).toBe(`HTTP/1.1 ${status} It is so`);
    expect(answer.own).toEqual(lines);
    expect(answer.body).toBe(body);
  });

  test('with each Link and each Vary on a line of its own', async () => {
    const lines = ['Link: </a>; rel=preload', 'Vary: Accept', 'Link: </b>; rel=prefetch, </c>', 'Vary: Origin', 'Content-Length: 0'];
    fake.on('POST /work', (each) => each.write(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`));
    expect((await exchange(POST, '{}')).own).toEqual(lines);
  });

  test('with header bytes that are not ASCII', async () => {
    fake.on('POST /work', (each) => each.write(Buffer.from('HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename="gr\xc3\xbc\xc3\x9fe.wav"\r\nContent-Length: 0\r\n\r\n', 'latin1')));
    expect((await exchange(POST, '{}')).own[0]).toBe('Content-Disposition: attachment; filename="gr\xc3\xbc\xc3\x9fe.wav"');
  });

  test('with such bytes also in a head that goes out before the body', async () => {
    const line = 'Content-Disposition: attachment; filename="gr\xc3\xbc\xc3\x9fe.wav"';
    const read = Promise.withResolvers<void>();
    fake.on('POST /work', async (each) => {
      await each.write(Buffer.from(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\n`, 'latin1'));
      await each.delay(read.promise);
      await each.write('ok');
    });
    const client = await RawClient.open(broker.port);
    client.send(`${POST}\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`);
    expect((await client.head())?.lines).toContain(line);
    read.resolve();
    expect((await client.read(2)).toString()).toBe('ok');
    client.socket.destroy();
  });

  test('with an empty reason', async () => {
    fake.on('POST /work', (each) => each.write('HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'));
    expect((await exchange(POST, '{}')).statusLine).toMatch(/^HTTP\/1\.1 200 (OK)?$/);
  });

  test.each([204, 304])('with status %d and no body, and the connection stays in step', async (status) => {
    fake.on('POST /work', (each) => each.write(`HTTP/1.1 ${status} None\r\nETag: "a"\r\n\r\n`));
    const client = await RawClient.open(broker.port);
    for (let round = 0; round < 2; round += 1) {
      client.send(`${POST}\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`);
      const answer = await client.answer();
      expect([answer?.status, answer?.headers['etag'], answer?.headers['transfer-encoding']]).toEqual([status, '"a"', undefined]);
    }
    client.socket.destroy();
  });

  test('with a large binary body, byte for byte', async () => {
    const bytes = randomBytes(5 * 1024 * 1024 + 3);
    fake.on('POST /work', (each) => each.send(200, bytes, { 'Content-Type': 'audio/wav' }));
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    expect(answer.bytes.equals(bytes)).toBe(true);
    expect(answer.headers['content-length']).toBe(String(bytes.length));
  });

  test('compressed as it is, with the client\'s own Accept-Encoding', async () => {
    fake.on('POST /work', (each) => each.send(200, Buffer.from([0x1f, 0x8b, 8, 0]), { 'Content-Encoding': 'gzip' }));
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {}, headers: { 'accept-encoding': 'gzip, br' } });
    expect([answer.headers['content-encoding'], [...answer.bytes]]).toEqual(['gzip', [0x1f, 0x8b, 8, 0]]);
    expect(fake.jobs[0]?.headers['accept-encoding']).toBe('gzip, br');
  });
});

describe('the method of a kind', () => {
  test.each(['GET', 'PUT', 'PATCH', 'POST'])('towards the consumer is its path\'s (%s), with the body', async (method) => {
    broker.reload({ consumers: { one: { fake, settings: { paths: { tts: { method, path: '/other?fixed=1' } } } } } });
    fake.on(`${method} /other`, async (each) => each.json(200, { got: (await each.readBody()).toString() }), { gpu: true });
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: 'hi' });
    expect(answer.body).toBe('{"got":"hi"}');
  });
});

describe('/audio', () => {
  const WAV = randomBytes(1000);
  beforeEach(() => {
    for (const method of ['GET', 'HEAD']) {
      fake.on(`${method} /audio/*`, async (each) => {
        const range = /^bytes=(\d+)-(\d+)$/.exec(each.head.headers['range'] ?? '');
        if (range === null) return each.send(200, WAV, { 'Accept-Ranges': 'bytes', 'Content-Type': 'audio/wav' });
        const [from, to] = [Number(range[1]), Number(range[2])];
        if (to >= WAV.length) return each.send(416, '', { 'Content-Range': `bytes */${WAV.length}` });
        return each.send(206, WAV.subarray(from, to + 1), { 'Content-Range': `bytes ${from}-${to}/${WAV.length}` });
      });
    }
  });
  const audio = (path: string, headers = {}, method = 'GET') => request({ url: `${broker.url}/audio/${path}`, method, headers });

  test('goes to its consumer under the same path and query, without a lease', async () => {
    const answer = await audio('2026/a%20b.wav?v=1&v=2');
    expect([answer.status, answer.headers['x-consumer'], answer.bytes.equals(WAV)]).toEqual([200, 'one', true]);
    expect(fake.requests.at(-1)?.path ?? fake.requests.find(({ path }) => path.startsWith('/audio'))?.path).toBeDefined();
    expect(fake.requests.some(({ path }) => path === '/audio/2026/a%20b.wav?v=1&v=2')).toBe(true);
    expect(broker.daemon.gate.statistics.totalJobs).toBe(0);
  });

  test('answers ranges', async () => {
    const part = await audio('a.wav', { range: 'bytes=10-19' });
    expect([part.status, part.headers['content-range'], part.bytes.equals(WAV.subarray(10, 20))]).toEqual([206, 'bytes 10-19/1000', true]);
    expect((await audio('a.wav', { range: 'bytes=0-5000' })).status).toBe(416);
  });

  test('answers HEAD with the length and no body, and the connection stays in step', async () => {
    const client = await RawClient.open(broker.port);
    for (let round = 0; round < 2; round += 1) {
      client.send('HEAD /audio/a.wav HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const answer = await client.answer({ head: true });
      expect([answer?.status, answer?.headers['content-length'], answer?.headers['transfer-encoding']]).toEqual([200, '1000', undefined]);
    }
    client.socket.destroy();
  });

  test('streams a request body, if there is one, as it comes', async () => {
    const pieceSeen = Promise.withResolvers<void>();
    fake.on('GET /audio/a.wav', async (each) => {
      const first = await each.readBody(3);
      pieceSeen.resolve();
      await each.json(200, { got: first.toString() + (await each.readBody()).toString() });
    });
    const client = await RawClient.open(broker.port);
    client.send('GET /audio/a.wav HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc');
    await pieceSeen.promise;
    client.send('def');
    expect((await client.answer())?.body).toBe('{"got":"abcdef"}');
    client.socket.destroy();
  });

  test('works while its consumer is unhealthy, and while the card is taken', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (each) => {
      await each.delay(held.promise);
      await each.json(200, {});
    });
    const working = request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    expect((await audio('a.wav')).status).toBe(200);
    fake.residency.health = { status: 500, body: {} };
    await fake.waitFor(({ path, endedAt }) => path === '/health' && endedAt !== undefined);
    expect((await audio('a.wav')).status).toBe(200);
    held.resolve();
    expect((await working).status).toBe(200);
  });

  test('is not found when no consumer is named for it', async () => {
    broker.reload({ consumers: { one: { fake } } });
    const answer = await audio('a.wav');
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([404, 'no_audio_proxy']);
  });

  test('is bounded: beyond 128 at once one more gets 429', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('GET /audio/slow.wav', async (each) => {
      await each.delay(held.promise);
      await each.json(200, {});
    });
    const all = Array.from({ length: 128 }, () => audio('slow.wav'));
    await fake.waitFor(() => fake.requests.filter(({ path }) => path === '/audio/slow.wav').length === 128);
    const refused = await audio('slow.wav');
    expect([refused.status, refused.headers['retry-after'], JSON.parse(refused.body).error]).toEqual([429, '1', 'queue_full']);
    held.resolve();
    for (const each of await Promise.all(all)) expect(each.status).toBe(200);
    expect((await audio('a.wav')).status).toBe(200);
  });
});
