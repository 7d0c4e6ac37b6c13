import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { rawAnswers, requestText } from '../support/raw-answer.ts';
import type { WireAnswer } from '../support/raw-answer.ts';

/** For each property; the run that finds something prints its seed. */
const RUNS = 150;

let broker: Broker;
let fake: FakeConsumer;
beforeAll(async () => {
  fake = await simpleConsumer();
  fake.on('GET /audio/*', (exchange) => exchange.json(200, { path: exchange.head.path }));
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { audio_proxy: 'mvoice', timeouts: { client_idle: '100ms' } } });
});
afterEach(async () => {
  expect((await request({ url: `${broker.url}/healthz` })).body).toBe('{"status":"ok"}');
  expect(fake.errors).toEqual([]);
});
afterAll(() => broker.stop());

/** Valid HTTP that is the consumer's or our own, and says nothing of the inside. */
function expectDecent({ status, headers, body }: WireAnswer): void {
  if (headers['x-consumer'] === 'mvoice') return;
  expect(status).not.toBe(500);
  if (status < 400) return;
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(JSON.parse(body)).toMatchObject({ error: expect.stringMatching(/^[a-z_]+$/), message: expect.any(String), retryable: expect.any(Boolean) });
  expect(body).not.toMatch(/node:|\.ts\b|\bat .*:\d+/);
}

/** Sends bytes, which may be no request at all, and looks at whatever comes back until the end of the connection. */
async function holds(bytes: Buffer): Promise<void> {
  // The last one makes sure that there is an end, unless an earlier one has been it.
  const last = requestText(['GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close']);
  for (const answer of await rawAnswers(broker.port, Buffer.concat([bytes, last]))) expectDecent(answer);
}

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const bytes = fc.string({ unit: byte, maxLength: 40 });
const start = fc.constantFrom('/audio/', '/', '/v1/', '/v1/plan?', '/v1/plan?kind=', '/v1/consumers/', '/v1/tts?', '');
const piece = fc.constantFrom('..', '.', '/', '//', '%2e', '%2F', '%', '%00', '\\', '?', '#', ';', ':', '@', '[', ']', '__proto__', 'tts', 'load', '*', '&', '=', '~', ' ', '\t', '%zz', '%25', '\xff', 'http://x');
const target = fc.tuple(start, fc.array(fc.oneof(piece, bytes), { maxLength: 6 })).map(([first, rest]) => first + rest.join(''));
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'TRACE', 'M-SEARCH', 'get', '');
const headerName = fc.constantFrom(
  'Accept', 'Connection', 'Content-Length', 'Content-Type', 'Cookie', 'Expect', 'Forwarded', 'Host', 'Keep-Alive', 'Origin', 'Prefer', 'Range', 'Referer', 'Sec-Fetch-Site', 'TE', 'Trailer',
  'Transfer-Encoding', 'Upgrade', 'User-Agent', 'X-Forwarded-For', 'X-Request-Id', 'X-Stainless-Timeout', '__proto__', 'constructor', '',
);
const headerWord = fc.constantFrom('', '0', '2', '-1', '1e9', 'close', 'keep-alive', 'chunked', 'host', 'content-length', 'upgrade', '100-continue', 'websocket', 'wait=0', 'wait=1', 'bytes=0-1', 'same-origin', 'http://localhost', ',', ';', '"', '=');
const headerValue = fc.oneof(fc.array(headerWord, { maxLength: 3 }).map((words) => words.join(',')), bytes);
const headers = fc.array(fc.tuple(headerName, headerValue).map(([name, value]) => `${name}: ${value}`), { maxLength: 5 });

describe('whatever comes over the wire', () => {
  test('a path is answered in a decent way', async () => {
    await fc.assert(
      fc.asyncProperty(target, async (path) => {
        // A HEAD has no body, which would hide what comes after it.
        await holds(requestText([`GET ${path} HTTP/1.1`, 'Host: localhost']));
      }),
      { numRuns: RUNS },
    );
  });

  test('a consumer is asked only for paths that are plain', () => {
    const asked = fake.requests.filter(({ path }) => path.startsWith('/audio/')).map(({ path }) => path.split('?', 1)[0] ?? '');
    for (const path of asked) expect(path).not.toMatch(/(^|\/)\.{1,2}(\/|$)|\/\/|\\|%2e|%2f|%5c|%25|%00|[^!-~]/i);
    expect(fake.requests.filter(({ path }) => !/^\/(audio\/|health$|work(\?|$))/.test(path))).toEqual([]);
  });

  test('headers are answered in a decent way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('GET /audio/a', 'POST /v1/tts', 'GET /v1/status', 'OPTIONS /'), headers, async (first, lines) => {
        await holds(requestText([`${first} HTTP/1.1`, 'Host: localhost', ...lines]));
      }),
      { numRuns: RUNS },
    );
  });

  test('bytes of any kind are answered in a decent way', async () => {
    const line = fc.tuple(method, target, fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', '')).map((words) => words.join(' '));
    const end = fc.constantFrom('\r\n\r\n', '\n\n', '\r\r', '\r\n', '');
    await fc.assert(
      fc.asyncProperty(fc.oneof(bytes, line), headers, end, async (first, lines, stop) => {
        fc.pre(!first.startsWith('HEAD'));
        await holds(Buffer.from(`${[first, ...lines].join('\r\n')}${stop}`, 'latin1'));
      }),
      { numRuns: RUNS },
    );
  });
});
