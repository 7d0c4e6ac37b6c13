import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { rawAnswer, rawAnswers, requestText } from '../support/raw-answer.ts';
import type { WireAnswer } from '../support/raw-answer.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { audio_proxy: 'mvoice', access: { allow: ['loopback'], hosts: ['Box.Example'] } } });
});
afterEach(async () => {
  expect(fake.requests.filter(({ path }) => !['/health', '/work'].includes(path))).toEqual([]);
  await broker.stop();
});

const codeOf = ({ body }: WireAnswer): unknown => (body.startsWith('{') ? JSON.parse(body).error : undefined);
/** Sends one request and returns its answer's status and code. */
async function outcome(start: string, ...lines: readonly string[]): Promise<readonly [number, unknown]> {
  const answer = await rawAnswer(broker.port, requestText([`${start} HTTP/1.1`, ...lines, 'Connection: close']));
  if (answer.status >= 400) expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  return [answer.status, codeOf(answer)];
}

const MISDIRECTED = [421, 'misdirected_request'] as const;
const FORBIDDEN = [403, 'forbidden'] as const;
const FINE = [200, undefined] as const;

describe('Host', () => {
  test.each([
    'localhost',
    'LOCALHOST:8770',
    '127.0.0.1',
    '127.0.0.1:1',
    '192.168.1.5:8770',
    '[::1]',
    '[::1]:8770',
    '[fd7a:115c:a1e0::1]:8770',
    hostname(),
    `${hostname()}.local:8770`,
    `${hostname()}.tail1234.ts.net`,
    'box.example',
    'BOX.example:8770',
  ])('%s is ours', async (host) => {
    expect(await outcome('GET /healthz', `Host: ${host}`)).toEqual(FINE);
  });

  test.each([
    'evil.example',
    'evil.example:8770',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io',
    'evil.ts.net',
    `${hostname()}.ts.net.evil.example`,
    'user@localhost',
    'localhost@evil.example',
    'localhost/path',
    'localhost?x',
    'localhost:80:80',
    'localhost:99999999',
    'localhost:abc',
    'localhost:',
    'localhost, evil.example',
    'localhost evil.example',
    '[::1',
    '[::1%eth0]',
    '::1',
    '__proto__',
    '*',
    '.',
    '',
  ])('%j is refused, for reading and for work', async (host) => {
    expect(await outcome('GET /healthz', `Host: ${host}`)).toEqual(MISDIRECTED);
    expect(await outcome('POST /v1/tts', `Host: ${host}`, 'Content-Length: 0')).toEqual(MISDIRECTED);
    expect(fake.jobs).toHaveLength(0);
  });

  test('given twice is refused, even the same one', async () => {
    expect(await outcome('GET /healthz', 'Host: localhost', 'Host: evil.example')).toEqual([400, 'bad_request']);
    expect(await outcome('GET /healthz', 'Host: localhost', 'hOsT: localhost')).toEqual([400, 'bad_request']);
    expect((await outcome('GET /healthz', 'Host: evil.example', 'Host: localhost'))[0]).toBeGreaterThanOrEqual(400);
  });

  test('is needed from HTTP/1.1 on, and only from there', async () => {
    expect(await outcome('GET /healthz')).toEqual([400, 'bad_request']);
    const old = await rawAnswer(broker.port, 'GET /healthz HTTP/1.0\r\n\r\n');
    expect([old.status, old.body]).toEqual([200, '{"status":"ok"}']);
    const oldAndForeign = await rawAnswer(broker.port, 'GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n');
    expect(oldAndForeign.status).toBe(421);
  });

  test('is not named in the refusal, which tells how to admit it', async () => {
    const answer = await rawAnswer(broker.port, requestText(['GET / HTTP/1.1', 'Host: evil.example', 'Connection: close']));
    expect(answer.body).toContain('access.hosts');
    expect(answer.body).not.toContain('evil.example');
  });
});

describe('a request that a web page makes', () => {
  const HOST = 'Host: localhost:8770';

  test.each([
    ['Origin: http://evil.example'],
    ['Origin: null'],
    ['Origin: http://localhost'],
    ['Origin: http://localhost:8771'],
    ['Origin: ftp://localhost:8770'],
    ['Origin: http://localhost:8770.evil.example'],
    ['Origin: http://localhost:8770/'],
    ['Origin: '],
    ['Origin: http://localhost:8770', 'Origin: http://evil.example'],
    ['Sec-Fetch-Site: cross-site'],
    ['Sec-Fetch-Site: same-site'],
    ['Sec-Fetch-Site: strange'],
    ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'],
    ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Origin: http://evil.example'],
  ])('of another origin is refused: %s', async (...lines) => {
    expect(await outcome('GET /v1/status', HOST, ...lines)).toEqual(FORBIDDEN);
    for (const path of ['/v1/tts', '/v1/consumers/mvoice/unload']) {
      expect(await outcome(`POST ${path}`, HOST, 'Content-Type: text/plain', 'Content-Length: 0', ...lines)).toEqual(FORBIDDEN);
    }
    expect(fake.jobs).toHaveLength(0);
  });

  test('by following a link may read, and may not post', async () => {
    const link = [HOST, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'];
    expect(await outcome('GET /', ...link)).toEqual(FINE);
    expect(await outcome('GET /v1/status', ...link)).toEqual(FINE);
    expect(await outcome('POST /v1/tts', ...link, 'Content-Length: 0')).toEqual(FORBIDDEN);
  });

  test.each([
    ['Origin: http://localhost:8770'],
    ['Origin: https://localhost:8770'],
    ['Origin: http://localhost:8770', 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: cors'],
    ['Sec-Fetch-Site: same-origin'],
    ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate'],
  ])('of our own, or typed by its user, passes: %s', async (...lines) => {
    expect((await outcome('POST /v1/tts', HOST, 'Content-Length: 0', ...lines))[0]).toBe(200);
  });

  test('is given no CORS header, not even when it asks first', async () => {
    const lines = ['OPTIONS /v1/tts HTTP/1.1', HOST, 'Origin: http://evil.example', 'Access-Control-Request-Method: POST', 'Connection: close'];
    const answer = await rawAnswer(broker.port, requestText(lines));
    expect(answer.status).toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('an upgrade', () => {
  const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
  const upgrade = (start: string, ...lines: readonly string[]) => rawAnswer(broker.port, requestText([start, ...lines]));

  test.each(['/', '/v1/tts', '/audio/a.wav', '/v1/status', '/zzz/unload', '/audio/../x', '*', 'http://evil/'])('is refused on any path: %s', async (path) => {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const answer = await upgrade(`${method} ${path} HTTP/1.1`, 'Host: localhost', ...UPGRADE);
      expect([answer.status, codeOf(answer)]).toEqual([426, 'upgrade_refused']);
      expect(answer.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', connection: 'close' });
    }
  });

  test('to HTTP/2, of an unknown version or of HTTP/1.0 is refused too', async () => {
    const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
    expect((await upgrade('GET / HTTP/1.1', 'Host: localhost', ...h2c)).status).toBe(426);
    expect((await upgrade('GET / HTTP/1.1', 'Host: localhost', ...UPGRADE, 'Sec-WebSocket-Version: 99')).status).toBe(426);
    expect((await upgrade('GET /audio/a HTTP/1.0', ...UPGRADE)).status).toBe(426);
  });

  test('with a body behind it lets none of that body through', async () => {
    const smuggled = requestText(['POST /v1/tts HTTP/1.1', 'Host: localhost', 'Content-Length: 0']).toString();
    const answers = await rawAnswers(broker.port, requestText(['POST /v1/tts HTTP/1.1', 'Host: localhost', ...UPGRADE], smuggled));
    expect(answers.map(({ status }) => status)).toEqual([426]);
    expect(fake.jobs).toHaveLength(0);
  });

  test('passes the checks of any request first', async () => {
    const foreign = await upgrade('GET / HTTP/1.1', 'Host: evil.example', ...UPGRADE);
    expect([foreign.status, codeOf(foreign)]).toEqual(MISDIRECTED);
    const crossSite = await upgrade('GET / HTTP/1.1', 'Host: localhost', 'Origin: http://evil.example', ...UPGRADE);
    expect([crossSite.status, codeOf(crossSite)]).toEqual(FORBIDDEN);
  });
});
