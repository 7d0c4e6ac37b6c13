import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { DESCRIBED } from '../support/openapi.ts';
import { until } from '../support/until.ts';

let broker: Broker;
beforeEach(async () => {
  const fake = await simpleConsumer();
  const other = await simpleConsumer();
  broker = await startBroker({
    consumers: { mvoice: { fake }, bare: { fake: other, settings: { paths: {} } } },
    settings: { routing: { tts: 'mvoice', stt: undefined, llm: 'bare', image: 'mvoice' } },
  });
  await until(() => broker.daemon.registry.everyone().every(({ health }) => health.state === 'healthy'));
});
afterEach(() => broker.stop());

const get = (path: string): Promise<Answer> => request({ url: broker.url + path });
const codeOf = ({ body }: Answer): unknown => JSON.parse(body).error;

describe('our own paths', () => {
  test.each([
    ['/', 'text/plain; charset=utf-8'],
    ['/healthz', 'application/json; charset=utf-8'],
    ['/readyz', 'application/json; charset=utf-8'],
    ['/v1/status', 'application/json; charset=utf-8'],
    ['/v1/plan?kind=tts', 'application/json; charset=utf-8'],
  ])('%s answers GET, and HEAD in the same way without a body', async (path, type) => {
    const got = await get(path);
    expect([got.status, got.headers['content-type']]).toEqual([200, type]);
    const head = await request({ url: broker.url + path, method: 'HEAD' });
    expect([head.status, head.headers['content-type'], head.body]).toEqual([200, type, '']);
    expect(head.headers['content-length']).toMatch(/^\d+$/);
  });

  test.each([
    ['/', 'POST', 'GET, HEAD'],
    ['/healthz', 'POST', 'GET, HEAD'],
    ['/readyz', 'DELETE', 'GET, HEAD'],
    ['/v1/status', 'PUT', 'GET, HEAD'],
    ['/v1/plan', 'POST', 'GET, HEAD'],
    ['/v1/tts', 'GET', 'POST'],
    ['/v1/image', 'HEAD', 'POST'],
    ['/audio/x', 'POST', 'GET, HEAD'],
    ['/v1/consumers/mvoice/load', 'GET', 'POST'],
    ['/v1/consumers/nobody/unload', 'GET', 'POST'],
  ])('%s says to %s what it serves', async (path, method, allow) => {
    const answer = await request({ url: broker.url + path, method });
    expect([answer.status, answer.headers['allow'], answer.headers['content-type']]).toEqual([405, allow, 'application/json; charset=utf-8']);
    if (method !== 'HEAD') expect(JSON.parse(answer.body)).toEqual({ error: 'method_not_allowed', message: `${method} is not served here, only ${allow}`, retryable: false });
  });

  test('/ names the endpoints in one line', async () => {
    const { body } = await get('/');
    expect(body.trimEnd().split('\n')).toHaveLength(1);
    const named = new Set(Array.from(body.matchAll(/(\/[\w./]*)/g), ([, path = '']) => path));
    const watching = DESCRIBED.filter(({ path, tags: [tag] }) => tag === 'Watching' && path !== '/' && !path.includes('{')).map(({ path }) => path);
    const others = ['/v1/tts', '/v1/stt', '/v1/llm', '/v1/image', '/audio/', '/v1/leases', '/v1/pause', '/v1/resume', '/v1/consumers/NAME/load', '/v1/consumers/NAME/unload', '/v1/queue/ID'];
    expect([...watching, ...others].filter((path) => !named.has(path))).toEqual([]);
  });

  test('/readyz becomes ready when every consumer was probed', async () => {
    expect(JSON.parse((await get('/readyz')).body)).toEqual({ status: 'ready' });
    const held = Promise.withResolvers<void>();
    const slow = await simpleConsumer();
    slow.on('GET /health', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const unready = await startBroker({ consumers: { slow: { fake: slow } } });
    const answer = await request({ url: `${unready.url}/readyz` });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([503, { status: 'not ready', reasons: ['slow has not been probed yet'] }]);
    expect((await request({ url: `${unready.url}/healthz` })).status).toBe(200);
    held.resolve();
    await until(() => unready.daemon.registry.everyone().every(({ health }) => health.state === 'healthy'));
    expect((await request({ url: `${unready.url}/readyz` })).status).toBe(200);
    await unready.stop();
  });

  test('/v1/status has what the contract lists', async () => {
    const body: unknown = JSON.parse((await get('/v1/status')).body);
    expect(body).toMatchObject({
      listen: expect.any(String),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      gpu: { total_mib: 16376, reserved_mib: 0, last_sample: expect.any(String) },
      routing: { tts: 'mvoice', llm: 'bare', image: 'mvoice' },
      scheduler: { queue_depth: 0, in_flight: 0, total_jobs: 0, last_wait_ms: null, last_run_ms: null, evictions: 0 },
      consumers: [{ name: 'bare' }, { name: 'mvoice', active: 0, total_requests: 0, priority: 2, can_coexist_with: [] }],
    });
  });

  test('say of themselves that they are not to be sniffed when they refuse', async () => {
    expect((await get('/no')).headers['x-content-type-options']).toBe('nosniff');
    expect((await get('/no')).headers['x-powered-by']).toBeUndefined();
  });
});

describe('/v1/plan', () => {
  test.each(['', '?', '?kind', '?kind=', '?kind=music', '?kind=TTS', '?kind=tts&kind=stt', '?kind=tts&consumer=mvoice', '?consumer=a&consumer=b', '?other=1', '?kind[x]=tts', '?KIND=tts'])(
    'cannot understand %j',
    async (query) => {
      const answer = await get(`/v1/plan${query}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request']);
    },
  );

  test.each(['nobody', '', 'MVOICE', 'mvoice%20', '%00', '../x'])('knows no consumer %j', async (name) => {
    const answer = await get(`/v1/plan?consumer=${name}`);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'unknown_consumer']);
  });

  test('says of a consumer by name what it says of its kind', async () => {
    const byKind = JSON.parse((await get('/v1/plan?kind=tts')).body);
    const byName = JSON.parse((await get('/v1/plan?consumer=mvoice')).body);
    expect(byName).toEqual(byKind);
    expect(byName).toMatchObject({ consumer: 'mvoice', plan: 'fits', targets: [], busy: [] });
  });
});

describe('a kind that no consumer can serve', () => {
  test.each([
    ['stt', { error: 'no_consumer', message: 'no consumer is routed for stt (routing.stt)', retryable: false }],
    ['llm', { error: 'no_consumer', message: 'bare is routed for llm but has no paths.llm', consumer: 'bare', retryable: false }],
  ])('is refused with 501 that names what is missing, and has no plan: %s', async (kind, envelope) => {
    for (const asked of [{ url: `${broker.url}/v1/${kind}`, method: 'POST', body: {} }, { url: `${broker.url}/v1/plan?kind=${kind}` }]) {
      const answer = await request(asked);
      expect([answer.status, JSON.parse(answer.body)]).toEqual([501, envelope]);
    }
  });
});

describe('/audio/', () => {
  test('says that nobody serves it when audio_proxy is not set', async () => {
    const answer = await get('/audio/x.wav');
    expect([answer.status, codeOf(answer)]).toEqual([404, 'no_audio_proxy']);
  });
});
