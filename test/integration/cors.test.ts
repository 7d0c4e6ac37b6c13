import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';

const ORIGIN = 'http://localhost:3000';
let broker: Broker;
let server: FakeConsumer;

beforeEach(async () => {
  server = await simpleConsumer();
  server.on('POST /v1/*', async (exchange) => {
    await exchange.readBody();
    await exchange.json(200, { ok: true }, { 'Access-Control-Allow-Origin': '*', Vary: 'Accept' });
  });
  broker = await startBroker({ consumers: { server: { fake: server } }, settings: { access: { origins: [ORIGIN] }, models: { m: { consumer: 'server' } } } });
});
afterEach(() => broker.stop());

const ask = (method: string, path: string, headers: Record<string, string>) => request({ url: broker.url + path, method, headers, body: method === 'POST' ? { model: 'm' } : undefined });

describe('a page of a listed origin', () => {
  test('is told beforehand that it may', async () => {
    const headers = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type,x-stainless-os' };
    const answer = await ask('OPTIONS', '/v1/chat/completions', { Origin: ORIGIN, ...headers });
    expect(answer).toMatchObject({
      status: 204,
      body: '',
      headers: {
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': expect.stringContaining('POST'),
        'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
        vary: 'Origin',
      },
    });
    expect(server.jobs).toHaveLength(0);
  });

  test.each(['/v1/chat/completions', '/upstream/server/v1/x', '/v1/llm'])('may read the answer of a consumer, which has no say in it: %s', async (path) => {
    const { status, headers } = await ask('POST', path, { Origin: ORIGIN });
    expect({ status, headers }).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': ORIGIN, vary: expect.stringMatching(/Origin/) } });
    expect(headers['access-control-expose-headers']).toContain('X-Request-Id');
  });

  test.each([
    ['GET', '/v1/models', 200],
    ['GET', '/v1/status', 200],
    ['POST', '/v1/embedding', 404],
  ])('may read our own answers and errors: %s %s', async (method, path, status) => {
    expect(await ask(method, path, { Origin: ORIGIN })).toMatchObject({ status, headers: { 'access-control-allow-origin': ORIGIN } });
  });
});

describe('a page of any other origin', () => {
  test.each([
    ['OPTIONS', '/v1/chat/completions'],
    ['POST', '/v1/chat/completions'],
    ['GET', '/v1/models'],
  ])('is refused and can read nothing: %s %s', async (method, path) => {
    for (const origin of ['http://localhost:3001', 'https://localhost:3000', 'http://evil.example', 'null']) {
      const { status, headers } = await ask(method, path, { Origin: origin, 'Access-Control-Request-Method': 'POST' });
      expect(status).toBe(403);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    expect(server.jobs).toHaveLength(0);
  });
});

test('a program is not told of any of this, whatever its consumer says', async () => {
  const { status, headers } = await ask('POST', '/v1/chat/completions', {});
  expect(status).toBe(200);
  expect(headers['access-control-allow-origin']).toBeUndefined();
  expect(headers['vary']).toBe('Accept');
});
