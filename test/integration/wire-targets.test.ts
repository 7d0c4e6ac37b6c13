import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { rawAnswer, requestText } from '../support/raw-answer.ts';
import type { WireAnswer } from '../support/raw-answer.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  fake.on('GET /audio/*', (exchange) => exchange.send(200, exchange.head.path));
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { audio_proxy: 'mvoice' } });
});
afterEach(async () => {
  expect((await request({ url: `${broker.url}/healthz` })).status).toBe(200);
  await broker.stop();
});

const seen = () => fake.requests.filter(({ path }) => path !== '/health').map(({ path }) => path);
const ask = (target: string, method = 'GET', ...lines: readonly string[]): Promise<WireAnswer> =>
  rawAnswer(broker.port, requestText([`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...lines]));

/** That it is our own envelope, and says nothing of the inside. */
function codeOf({ headers, body }: WireAnswer): unknown {
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(body).not.toMatch(/127\.0\.0\.1|node:|\.ts\b|\bat .*:\d+/);
  return JSON.parse(body).error;
}

describe('a path that two servers may read in two ways', () => {
  test.each([
    '/audio/../unload',
    '/audio/..',
    '/audio/.',
    '/audio/./x',
    '/audio/a/../../unload',
    '/../unload',
    '/audio/%2e%2e/unload',
    '/audio/%2E%2e/unload',
    '/audio/.%2e/unload',
    '/audio/%2e',
    '/audio/..%2funload',
    '/audio/..%2Funload',
    '/audio/%2f',
    '/audio/%252e%252e/unload',
    '/audio/%25',
    '/audio/..\\unload',
    '/audio/\\x',
    '/audio/..%5cunload',
    '/audio/%5C',
    '/audio/a%00.wav',
    '/audio//x',
    '//audio/x',
    '//evil.example/audio/x',
    '/audio//',
    '/audio/a//b',
    '/audio/%',
    '/audio/%zz',
    '/audio/%e',
    '/audio/%u002e',
    '/audio/a#b',
    '/audio/<x>',
    '/audio/"x"',
    '/audio/{x}',
    '/audio/a|b',
    '/audio/`x`',
    '/audio/a^b',
    '/audio/\x7f',
    '/audio/\xe4',
    '/audio/\xc0\xae\xc0\xae/x',
  ])('is refused, and no consumer sees it: %j', async (target) => {
    const answer = await ask(target);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request']);
    expect(seen()).toEqual([]);
  });

  test.each(['/audio/a.wav', '/audio/a..b', '/audio/...', '/audio/.hidden', '/audio/a/', '/audio/%20%41%c3%a4', '/audio/a;b=c,d@e:f', "/audio/~!$&'()*+=", '/audio/a?../..%2f//\\%00', '/audio/a?%zz&b=<>'])(
    'is not a plain one: %s passes as it is',
    async (target) => {
      expect(await ask(target)).toMatchObject({ status: 200, body: target });
      expect(seen()).toEqual([target]);
    },
  );
});

describe('a target that is no path', () => {
  test.each(['http://169.254.169.254/latest', 'http://localhost/healthz', 'HTTP://localhost/audio/x', 'https://localhost/v1/tts', 'ftp://x/y', 'file:///etc/passwd', '*', '?x', 'healthz', '@evil', 'http://x', 'ttshttp://x', 'x://', '://', 'http://[', 'mailto:a@b'])(
    'is refused: %s',
    async (target) => {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const answer = await ask(target, method);
        expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request']);
      }
      expect(seen()).toEqual([]);
    },
  );

  test.each(['localhost:22', '169.254.169.254:80', '127.0.0.1:8770'])('opens no tunnel: CONNECT %s', async (target) => {
    const answer = await ask(target, 'CONNECT');
    expect([answer.status, codeOf(answer), answer.headers['allow']]).toEqual([405, 'method_not_allowed', 'GET, HEAD, POST']);
  });

  test('opens no tunnel, and tells one that is not welcome nothing else', async () => {
    const answer = await rawAnswer(broker.port, 'CONNECT x:1 HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect([answer.status, codeOf(answer)]).toEqual([421, 'misdirected_request']);
  });
});

describe('a method', () => {
  test.each(['TRACE', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'M-SEARCH', 'QUERY', 'LINK', 'SOURCE'])('that nobody serves gets 405: %s', async (method) => {
    for (const [target, allow] of [['/v1/tts', 'POST'], ['/audio/x', 'GET, HEAD'], ['/healthz', 'GET, HEAD'], ['/v1/consumers/mvoice/load', 'POST']] as const) {
      const answer = await ask(target, method, 'Cookie: secret=1');
      expect([answer.status, codeOf(answer), answer.headers['allow']]).toEqual([405, 'method_not_allowed', allow]);
      expect(answer.body).not.toContain('secret');
    }
    expect(seen()).toEqual([]);
  });

  test('given by another name in a header is still the one in the request line', async () => {
    const answer = await ask('/v1/tts', 'GET', 'X-HTTP-Method-Override: POST', 'X-HTTP-Method: POST');
    expect(answer.status).toBe(405);
    expect(seen()).toEqual([]);
  });
});

describe('a path is what it is', () => {
  test.each(['/AUDIO/x', '/Audio/x', '/V1/TTS', '/v1/TTS', '/v1/tts/', '/v1/tts/x', '/v1//tts', '/audio', '/audio@evil', '/audio;x', '/audiox/y', '/v1', '/v1/', '/healthz/', '/Healthz', '/v1/status/', '/v1/t%74s', '/%61udio/x'])(
    'so that %s is nowhere',
    async (target) => {
      for (const method of ['GET', 'POST']) {
        const answer = await ask(target, method, 'Content-Length: 0');
        expect([404, 400]).toContain(answer.status);
        expect(['not_found', 'bad_request']).toContain(codeOf(answer));
      }
      expect(seen()).toEqual([]);
    },
  );

  test('and a long one is not repeated at length', async () => {
    expect((await ask(`/${'x'.repeat(5000)}`)).body.length).toBeLessThan(400);
  });
});

describe('names that every object has', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

  test.each(NAMES)('are no path: %s', async (name) => {
    for (const target of [`/${name}`, `/v1/${name}`, `/v1/tts/${name}`]) {
      const answer = await ask(target, 'POST', 'Content-Length: 0');
      expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
    }
  });

  test.each(NAMES)('are no consumer: %s', async (name) => {
    for (const action of ['load', 'unload']) {
      const answer = await ask(`/v1/consumers/${name}/${action}`, 'POST', 'Content-Length: 0');
      expect([answer.status, codeOf(answer)]).toEqual([404, 'unknown_consumer']);
    }
    const answer = await ask(`/v1/plan?consumer=${name}`);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'unknown_consumer']);
  });

  test.each(NAMES)('are no kind: %s', async (name) => {
    const answer = await ask(`/v1/plan?kind=${name}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request']);
  });

  test('change nothing as names of query parameters', async () => {
    for (const query of ['__proto__[kind]=tts', 'constructor[prototype][kind]=tts', '__proto__=tts', 'kind[__proto__]=tts', 'kind[]=tts', 'kind[toString]=x']) {
      expect((await ask(`/v1/plan?${query}`)).status).toBe(400);
    }
    expect((await ask('/v1/plan?kind=tts')).status).toBe(200);
    expect(Object.hasOwn(Object.prototype, 'kind')).toBe(false);
  });

  test('go to the consumer as they are, in a body and in headers', async () => {
    const body = '{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}}}';
    const lines = ['POST /v1/tts HTTP/1.1', 'Host: localhost', 'Connection: close', '__proto__: a', 'constructor: b', `Content-Length: ${body.length}`];
    expect((await rawAnswer(broker.port, requestText(lines, body))).status).toBe(200);
    expect(fake.jobs[0]?.body?.toString()).toBe(body);
    expect(fake.jobs[0]?.headers['constructor']).toBe('b');
  });
});
