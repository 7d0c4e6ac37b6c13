import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { rawAnswer, rawAnswers, requestText } from '../support/raw-answer.ts';
import type { WireAnswer } from '../support/raw-answer.ts';
import { RawClient } from '../support/raw-client.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  fake.on('GET /audio/*', (exchange) => exchange.send(200, exchange.head.path));
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { audio_proxy: 'mvoice' } });
});
afterEach(async () => {
  expect((await request({ url: `${broker.url}/healthz` })).body).toBe('{"status":"ok"}');
  await broker.stop();
  expect(fake.errors).toEqual([]);
});

/** Everything the consumer was asked beside its health. */
const seen = () => fake.requests.filter(({ path }) => path !== '/health').map(({ method, path }) => `${method} ${path}`);
const HOST = 'Host: localhost';

function expectRefusal(answer: WireAnswer | undefined, status: number, error: string): void {
  expect(answer?.status).toBe(status);
  expect(answer?.headers['content-type']).toBe('application/json; charset=utf-8');
  const envelope: unknown = JSON.parse(answer?.body ?? '');
  expect(envelope).toEqual({ error, message: expect.any(String), retryable: expect.any(Boolean) });
  expect(answer?.body).not.toMatch(/127\.0\.0\.1|node:|\.ts\b|\bat .*:\d+/);
}

const SMUGGLED = 'POST /unload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
/** What a client may try to hide a second request in the body of a first. */
const ATTACKS: Readonly<Record<string, readonly string[]>> = {
  'both a length and chunks': ['Content-Length: 4', 'Transfer-Encoding: chunked'],
  'chunks, then a length': ['Transfer-Encoding: chunked', 'Content-Length: 4'],
  'two different lengths': ['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`],
  'the same length twice': ['Content-Length: 0', 'Content-Length: 0'],
  'a list of lengths': [`Content-Length: 0, ${SMUGGLED.length}`],
  'a signed length': ['Content-Length: +4'],
  'a negative length': ['Content-Length: -1'],
  'a hexadecimal length': ['Content-Length: 0x4'],
  'a length beyond every number': ['Content-Length: 99999999999999999999999'],
  'an empty length': ['Content-Length:'],
  'an unknown coding': ['Transfer-Encoding: xchunked'],
  'chunked not last': ['Transfer-Encoding: chunked, identity'],
  'chunked twice': ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
  'a second coding': ['Transfer-Encoding: chunked', 'Transfer-Encoding: cow'],
  'a quoted coding': ['Transfer-Encoding: "chunked"'],
  'a space before the colon': ['Transfer-Encoding : chunked'],
  'a tab before the colon': ['Transfer-Encoding\t: chunked'],
  'a folded header': ['X: y', ' Transfer-Encoding: chunked'],
  'a folded value': ['Transfer-Encoding:', ' chunked'],
  'a control in the value': ['Transfer-Encoding: \x0bchunked'],
  'a bare CR': ['X: y\rTransfer-Encoding: chunked'],
  'a bare LF': ['X: y\nTransfer-Encoding: chunked'],
  'a NUL in a name': ['Transfer\0-Encoding: chunked'],
};

describe('a request hidden in the body of another', () => {
  test.each(Object.entries(ATTACKS))('behind %s never reaches the consumer', async (_name, lines) => {
    for (const start of ['POST /v1/tts', 'OPTIONS /v1/tts', 'GET /audio/a', 'GET /healthz']) {
      // That it comes back at all says that the connection was closed.
      const bytes = requestText([`${start} HTTP/1.1`, HOST, ...lines], `0\r\n\r\n${SMUGGLED}`);
      const answers = await rawAnswers(broker.port, bytes);
      expect(answers.length).toBeGreaterThan(0);
      for (const answer of answers.filter(({ status }) => status >= 400)) expect(JSON.parse(answer.body)).toMatchObject({ retryable: false });
    }
    expect(seen().filter((line) => line.includes('unload'))).toEqual([]);
    expect(seen().filter((line) => !['POST /work', 'GET /audio/a'].includes(line))).toEqual([]);
  });

  test.each(['OPTIONS', 'DELETE', 'PUT', 'PATCH'])('of a %s with chunks is body to us, too', async (method) => {
    const chunk = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
    const answer = await rawAnswer(broker.port, requestText([`${method} /v1/tts HTTP/1.1`, HOST, 'Transfer-Encoding: chunked', 'Connection: close'], chunk));
    expectRefusal(answer, 405, 'method_not_allowed');
    expect(answer.headers['allow']).toBe('POST');
    expect(seen()).toEqual([]);
  });

  test('of a GET that goes on to the consumer arrives there as its body', async () => {
    const chunk = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
    const answer = await rawAnswer(broker.port, requestText(['GET /audio/a HTTP/1.1', HOST, 'Transfer-Encoding: chunked', 'Connection: close'], chunk));
    expect(answer.status).toBe(200);
    expect(await request({ url: `${broker.url}/audio/b` })).toMatchObject({ status: 200, body: '/audio/b' });
    expect(seen()).toEqual(['GET /audio/a', 'GET /audio/b']);
  });

  test.each(['5;\r\nhello', 'g\r\n', '-1\r\n', '0x5\r\nhello', '5 \nhello', '5\r\nhelloX\r\n', 'ffffffffffffffffff\r\n'])('behind the bad chunk %j is refused', async (body) => {
    const bytes = requestText(['POST /v1/tts HTTP/1.1', HOST, 'Transfer-Encoding: chunked'], `${body}0\r\n\r\n${SMUGGLED}`);
    const [answer, ...more] = await rawAnswers(broker.port, bytes);
    expect(more).toEqual([]);
    expectRefusal(answer, 400, 'bad_request');
    expect(seen()).toEqual([]);
  });
});

describe('what is not HTTP', () => {
  test.each([
    'garbage\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'GET /healthz\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nno colon\r\n\r\n',
    'GET /healthz HTTP/1.1\r\n: empty\r\n\r\n',
    'GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n',
    'GET /healthz HTTP/0.9\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'GET /healthz HTTP/2.0\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'BREW /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \x1b[2J\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n',
  ])('gets our own 400 and the end of its connection: %j', async (text) => {
    const answer = await rawAnswer(broker.port, Buffer.from(text, 'latin1'));
    expectRefusal(answer, 400, 'bad_request');
    expect(answer.headers['connection']).toBe('close');
  });

  test('gets it in the middle of a connection that was fine so far', async () => {
    const answers = await rawAnswers(broker.port, `GET /healthz HTTP/1.1\r\n${HOST}\r\n\r\ngarbage\r\n\r\n`);
    expect(answers[0]?.status).toBe(200);
    expect(answers.slice(1).every(({ status }) => status === 400)).toBe(true);
  });

  test('is nothing at all: an empty connection is closed when its client closes it', async () => {
    const client = await RawClient.open(broker.port);
    client.socket.end();
    expect(await client.rest()).toBe('');
    await client.closed;
  });
});

describe('headers', () => {
  test.each(['\x80', '\x9b2J', '\xff', 'caf\xe9', '\xc3\xa9'])('with bytes that are not ASCII are refused: %j', async (value) => {
    const answer = await rawAnswer(broker.port, requestText(['POST /v1/tts HTTP/1.1', HOST, `User-Agent: ${value}`, 'Content-Length: 0', 'Connection: close']));
    expectRefusal(answer, 400, 'bad_request');
    expect(answer.body).toContain('User-Agent');
    expect(seen()).toEqual([]);
  });

  test('that are too large are refused in our own words', async () => {
    const answer = await rawAnswer(broker.port, requestText(['GET /healthz HTTP/1.1', HOST, `X-Large: ${'x'.repeat(20_000)}`]));
    expectRefusal(answer, 431, 'headers_too_large');
    expect(answer.body).toContain('larger than 16384 bytes');
  });

  test('may not make a path too large, either', async () => {
    expectRefusal(await rawAnswer(broker.port, requestText([`GET /audio/${'x'.repeat(20_000)} HTTP/1.1`, HOST])), 431, 'headers_too_large');
  });

  test.each([101, 2500])('in a number of %i are refused, and never reach the consumer cut', async (count) => {
    const many = Array.from({ length: count - 1 }, (_, index) => `a${index}:`);
    // That it comes back at all says that the connection was closed.
    const answer = await rawAnswer(broker.port, requestText(['GET /audio/a HTTP/1.1', HOST, ...many]));
    expectRefusal(answer, 431, 'headers_too_large');
    expect(seen()).toEqual([]);
  });

  test('in a number of 100 all reach the consumer', async () => {
    const many = Array.from({ length: 98 }, (_, index) => `a${index}: ${index}`);
    expect((await rawAnswer(broker.port, requestText(['GET /audio/a HTTP/1.1', HOST, 'Connection: close', ...many]))).status).toBe(200);
    expect(fake.requests.at(-1)?.headers).toMatchObject({ a0: '0', a97: '97' });
  });
});

describe('pipelined requests', () => {
  test('are answered in their order, every one', async () => {
    const paths = Array.from({ length: 50 }, (_, index) => `/audio/${index}`);
    const heads = paths.map((path, index) => requestText([`GET ${path} HTTP/1.1`, HOST, ...(index === 49 ? ['Connection: close'] : [])]));
    const answers = await rawAnswers(broker.port, Buffer.concat(heads));
    expect(answers.map(({ body }) => body)).toEqual(paths);
  });

  test('of gated kinds are answered in their order too, and one at a time at the consumer', async () => {
    const one = (index: number): Buffer => requestText(['POST /v1/tts HTTP/1.1', HOST, `X-Request-Id: n${index}`, 'Content-Length: 2', ...(index === 19 ? ['Connection: close'] : [])], '{}');
    const answers = await rawAnswers(broker.port, Buffer.concat(Array.from({ length: 20 }, (_, index) => one(index))));
    expect(answers.map(({ status, headers }) => `${status} ${headers['x-request-id']}`)).toEqual(Array.from({ length: 20 }, (_, index) => `200 n${index}`));
    expect(fake.peakActive).toBe(1);
  });

  test('after a refusal with no body are answered as well', async () => {
    const answers = await rawAnswers(broker.port, `GET /no HTTP/1.1\r\n${HOST}\r\n\r\nGET /healthz HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`);
    expect(answers.map(({ status }) => status)).toEqual([404, 200]);
  });
});
