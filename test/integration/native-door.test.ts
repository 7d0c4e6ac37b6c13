import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload, request } from '../support/http.ts';
import { rawAnswer, rawAnswers, requestText } from '../support/raw-answer.ts';
import { until } from '../support/until.ts';

const GPU_PATHS = ['POST /api/generate', 'GET /render', 'DELETE /gated'];

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'PATCH', 'POST']) {
    fake.on(`${method} /*`, async (exchange) => {
      const body = await exchange.readBody();
      await exchange.json(200, { method, path: exchange.head.path, body: body.toString() });
    }, { gpu: false });
  }
  broker = await startBroker({ consumers: { ollama: { fake, settings: { gpu_paths: GPU_PATHS } } } });
});
afterEach(() => broker.stop());

/** Requests that used the card. */
const granted = (): number => broker.logger.lines.filter(({ message }) => message === 'lease granted').length;
const seen = (): readonly string[] => fake.requests.filter(({ path }) => path !== '/health').map(({ method, path }) => `${method} ${path}`);
const send = (start: string, ...lines: readonly string[]) => rawAnswer(broker.port, requestText([`${start} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...lines]));
const codeOf = (body: string): unknown => JSON.parse(body).error;

describe('a request through a native door', () => {
  test.each([
    ['/ollama/api/tags?x=%2F&y', '/api/tags?x=%2F&y'],
    ['/ollama/', '/'],
    ['/upstream/ollama/a/b/', '/a/b/'],
    ['/ollama/userdata/workflows%2Fx%20y.json', '/userdata/workflows%2Fx%20y.json'],
    ['/ollama/%C3%A9;a=1', '/%C3%A9;a=1'],
    ['/ollama/upstream/ollama/v1/tts', '/upstream/ollama/v1/tts'],
  ])('comes to the consumer as it is: %s', async (path, inner) => {
    const answer = await send(`GET ${path}`);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { method: 'GET', path: inner, body: '' }]);
    expect(answer.headers).toMatchObject({ 'x-consumer': 'ollama', 'x-request-id': expect.any(String) });
  });

  test('may have any method, and a body with any of them', async () => {
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH', 'POST', 'OPTIONS']) {
      const whole = await request({ url: `${broker.url}/ollama/any`, method, body: 'text' });
      expect(JSON.parse(whole.body)).toEqual({ method, path: '/any', body: 'text' });
      const chunked = requestText([`${method} /ollama/any HTTP/1.1`, 'Host: localhost', 'Connection: close', 'Transfer-Encoding: chunked'], '4\r\ntext\r\n0\r\n\r\n');
      expect(JSON.parse((await rawAnswer(broker.port, chunked)).body)).toEqual({ method, path: '/any', body: 'text' });
    }
    expect(granted()).toBe(0);
  });

  test('waits for the card only where gpu_paths says so', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('POST /api/generate', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, { done: true });
    });
    const post = () => openRequest({ url: `${broker.url}/ollama/api/generate`, method: 'POST', body: {} });
    const [first, second] = [post(), post()];
    await broker.running(1);
    await broker.waiting(1);
    expect((await request({ url: `${broker.url}/ollama/api/ps` })).status).toBe(200);
    held.resolve();
    expect([(await first.ended).status, (await second.ended).status]).toEqual([200, 200]);
    expect([granted(), fake.peakActive]).toEqual([2, 1]);
  });

  test.each([
    'POST /ollama/API/generate',
    'POST /ollama/api/generate/',
    'POST /ollama/api%2Fgenerate',
    'POST /ollama/%61pi/generate',
    'POST /ollama/api/generate;x',
    'POST /ollama/%ff',
    'GET /ollama/render',
    'HEAD /ollama/render',
    'DELETE /upstream/ollama/gated',
  ])('waits for it however it is spelled: %s', async (start) => {
    await send(start, 'Content-Length: 0').catch(() => undefined);
    expect(granted()).toBe(1);
  });

  test('that is gated keeps its method and its body', async () => {
    const answer = await request({ url: `${broker.url}/ollama/gated`, method: 'DELETE', body: 'x' });
    expect(JSON.parse(answer.body)).toEqual({ method: 'DELETE', path: '/gated', body: 'x' });
    expect(answer.headers['server-timing']).toContain('queue');
  });

  test('passes though the last probe failed, as long as it is not gated', async () => {
    fake.residency.health = { status: 500, body: {} };
    await until(() => broker.daemon.registry.current('ollama')?.health.state === 'unhealthy');
    expect((await request({ url: `${broker.url}/ollama/api/ps` })).status).toBe(200);
    expect((await request({ url: `${broker.url}/ollama/api/generate`, method: 'POST', body: {} })).status).toBe(503);
  });

  test('is in the log as the client asked', async () => {
    await request({ url: `${broker.url}/ollama/api/ps` });
    await until(() => broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['path'] === '/ollama/api/ps'));
    expect(broker.logger.lines.find(({ fields }) => fields?.['path'] === '/ollama/api/ps')?.fields).toMatchObject({ kind: 'native', consumer: 'ollama', status: 200 });
  });
});

describe('bytes that no gate needs to see', () => {
  test('stream up while they are sent', async () => {
    const upload = openUpload(`${broker.url}/ollama/api/blobs/x`);
    upload.request.write('one');
    const started = await fake.waitFor(({ path }) => path === '/api/blobs/x');
    await until(() => started.body?.toString() === 'one');
    upload.request.end('two');
    expect(JSON.parse((await upload.ended).body).body).toBe('onetwo');
  });

  test('stream down while they are made', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('GET /events', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('one');
      await exchange.delay(held.promise);
      await exchange.chunk('two');
      await exchange.endChunks();
    });
    const open = openRequest({ url: `${broker.url}/ollama/events` });
    const response = await open.response;
    const first = await new Promise((resolve) => response.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    expect(first).toBe('one');
    held.resolve();
    expect(await open.ended).toMatchObject({ body: 'onetwo', complete: true });
  });

  test('are no second request, whatever the method says of bodies', async () => {
    const smuggled = requestText(['POST /api/generate HTTP/1.1', 'Host: localhost', 'Content-Length: 0']).toString();
    for (const method of ['GET', 'DELETE', 'OPTIONS']) {
      const body = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
      const answers = await rawAnswers(broker.port, requestText([`${method} /ollama/x HTTP/1.1`, 'Host: localhost', 'Connection: close', 'Transfer-Encoding: chunked'], body));
      expect(answers).toHaveLength(1);
    }
    expect(seen()).toEqual(['GET /x', 'DELETE /x', 'OPTIONS /x']);
  });
});

describe('a web page', () => {
  test.each([
    ['GET /ollama?a=b', '/ollama/?a=b'],
    ['HEAD /upstream/ollama', '/upstream/ollama/'],
  ])('gets the slash that its links need: %s', async (start, location) => {
    expect(await send(start)).toMatchObject({ status: 308, headers: { location, 'content-length': '0' } });
    expect(seen()).toEqual([]);
  });

  test('is redirected within its door', async () => {
    fake.on('GET /old', (exchange) => exchange.send(302, '', { Location: '/new?a' }));
    fake.on('GET /own', (exchange) => exchange.send(302, '', { location: `${fake.url}/new` }));
    fake.on('GET /away', (exchange) => exchange.send(302, '', { Location: 'http://other.example/new' }));
    const locations = [];
    for (const path of ['old', 'own', 'away']) locations.push((await request({ url: `${broker.url}/upstream/ollama/${path}` })).headers.location);
    expect(locations).toEqual(['/upstream/ollama/new?a', '/upstream/ollama/new', 'http://other.example/new']);
  });
});

describe('a refusal at a door', () => {
  test('says what to configure where nobody is behind it', async () => {
    const answer = await request({ url: `${broker.url}/comfyui/x` });
    expect([answer.status, codeOf(answer.body)]).toEqual([501, 'no_consumer']);
    expect(answer.body).toContain('preset: comfyui');
  });

  test.each(['/upstream/nobody/x', '/upstream/nobody', '/upstream/ollam%61/x'])('names a consumer that there is not: %s', async (path) => {
    const answer = await request({ url: `${broker.url}${path}` });
    expect([answer.status, codeOf(answer.body)]).toEqual([404, 'unknown_consumer']);
  });

  test.each(['/upstream/a%2Fb/x', '/ollama/%2e%2e/x', '/ollama/..%2Fx', '/ollama/../x', '/ollama//x', '/ollama/a%5Cb', '/ollama%2Fx'])('meets traps first: %s', async (path) => {
    expect((await send(`GET ${path}`)).status).toBe(400);
    expect(seen()).toEqual([]);
  });

  test('reads as the client of that path expects', async () => {
    fake.refuse();
    const tongues = [];
    for (const path of ['/ollama/api/ps', '/ollama/v1/models', '/upstream/ollama/v1/messages/x', '/upstream/nobody/v1/x']) {
      tongues.push(JSON.parse((await request({ url: `${broker.url}${path}` })).body));
    }
    expect(tongues).toEqual([
      expect.objectContaining({ error: expect.any(String), code: 'consumer_unreachable' }),
      { error: expect.objectContaining({ code: 'consumer_unreachable', type: 'server_error' }) },
      expect.objectContaining({ type: 'error', error: expect.objectContaining({ code: 'consumer_unreachable' }) }),
      { error: expect.objectContaining({ code: 'unknown_consumer' }) },
    ]);
    await fake.listenAgain();
  });

  test('comes while the broker drains, gated or not', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('POST /api/generate', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const running = openRequest({ url: `${broker.url}/ollama/api/generate`, method: 'POST', body: {} });
    await broker.running(1);
    const stopped = broker.daemon.stop(5000);
    const refused = [await request({ url: `${broker.url}/ollama/api/ps` }), await request({ url: `${broker.url}/ollama/render` })];
    expect(refused.map(({ status, body }) => [status, JSON.parse(body).code ?? codeOf(body)])).toEqual([
      [503, 'shutting_down'],
      [503, 'shutting_down'],
    ]);
    held.resolve();
    expect((await running.ended).status).toBe(200);
    await stopped;
  });

  test('bounds what may be under way without the card', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('GET /slow', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const open = Array.from({ length: 128 }, () => openRequest({ url: `${broker.url}/ollama/slow` }));
    await until(() => seen().length === 128);
    expect((await request({ url: `${broker.url}/ollama/slow` })).status).toBe(429);
    held.resolve();
    for (const each of open) expect((await each.ended).status).toBe(200);
  });
});
