import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scopeNeeded } from '../../lib/core/scopes.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { EventReader } from '../support/event-reader.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import type { RequestOptions } from '../support/http.ts';
import { DESCRIBED, DOCUMENT, faultsBySchema, faultsOf, templateOf } from '../support/openapi.ts';
import { PENDING_PATHS } from '../support/openapi-pending.ts';
import { ROUTES } from '../support/routes.ts';
import { until, untilAsked } from '../support/until.ts';

const HOOKS: Settings = { load: { path: '/load' }, unload: { path: '/unload' } };

let broker: Broker;
let fake: FakeConsumer;

/** One for all tests: none of them leaves anything behind. */
beforeAll(async () => {
  fake = await simpleConsumer({ loadedMib: 4000 });
  broker = await start();
});
afterAll(() => broker.stop());

async function start(): Promise<Broker> {
  const settings = {
    routing: { tts: 'one', stt: undefined, llm: 'bare', image: 'huge' },
    models: { m: { consumer: 'one', voices: ['anna'] }, 'a/b': { consumer: 'bare' } },
  };
  const consumers = {
    one: { fake, settings: { ...HOOKS, vram_resident_mib: 4000 } },
    bare: { fake: await simpleConsumer(), settings: { gpu_paths: ['POST /other'] } },
    huge: { fake: await simpleConsumer(), settings: { vram_resident_mib: 99_000 } },
  };
  return ready(await startBroker({ consumers, settings }));
}

async function ready(started: Broker): Promise<Broker> {
  await until(() => started.daemon.registry.everyone().every(({ health }) => health.state === 'healthy'));
  return started;
}

/** Sends a request, and says by the description what is wrong with its answer. */
async function check(start: string, options: Omit<RequestOptions, 'url' | 'method'> = {}) {
  const [method = '', path = ''] = start.split(' ');
  const answer = await request({ url: broker.url + path, method, ...options });
  return { status: answer.status, faults: faultsOf({ method, path }, answer), body: answer.body };
}

test('the document is served as it is in the package, to GET and HEAD', async () => {
  const url = `${broker.url}/openapi.json`;
  const answer = await request({ url });
  expect([answer.status, answer.headers['content-type'], JSON.parse(answer.body)]).toEqual([200, 'application/json; charset=utf-8', DOCUMENT]);
  const head = await request({ url, method: 'HEAD' });
  expect([head.status, head.headers['content-length'], head.body]).toEqual([200, String(answer.bytes.length), '']);
});

describe('what is described and what is served are the same:', () => {
  test('each route is described', () => {
    const routes = ROUTES.filter(({ route, start }) => route !== '' && !start.startsWith('OPTIONS'));
    expect(routes.filter(({ start }) => templateOf(start.split(' ')[1] ?? '') === undefined)).toEqual([]);
  });

  test('each path is served, with the methods that are described and no others', async () => {
    const own = Object.keys(DOCUMENT.paths).filter((path) => !PENDING_PATHS.includes(path) && !/^\/(?:ollama|comfyui|upstream)\//.test(path));
    for (const path of own) {
      const answer = await request({ url: broker.url + path.replaceAll(/[{}]/g, ''), method: 'PATCH' });
      const described = DESCRIBED.filter((each) => each.path === path).flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      expect([path, answer.status, answer.headers['allow']]).toEqual([path, 405, described.join(', ')]);
    }
  });

  test('what is said to be pending is not there yet', async () => {
    for (const path of PENDING_PATHS) expect([path, (await request({ url: broker.url + path.replaceAll(/[{}]/g, '') })).status]).toEqual([path, 404]);
  });

  test('the doors lead to consumers by any method, with the scope that is described', async () => {
    fake.on('DELETE /x', (exchange) => exchange.json(200, {}), { gpu: false });
    expect((await request({ url: `${broker.url}/upstream/one/x`, method: 'DELETE' })).status).toBe(200);
    const doors = DESCRIBED.filter(({ tags: [tag] }) => tag === 'Own paths');
    expect(doors).toHaveLength(15);
    for (const { method, path, 'x-scope': scope } of doors) {
      expect(scope).toBe(scopeNeeded({ method, path: path.replaceAll(/[{}]/g, ''), isOwnPort: false, hasLeaseToken: false }));
    }
  });
});

describe('an answer is as it is described:', () => {
  test.each([
    ['GET /v1/status', 200],
    ['GET /v1/plan?kind=tts', 200],
    ['GET /v1/plan?kind=image', 200],
    ['GET /v1/plan?kind=music', 400],
    ['GET /v1/plan?kind=stt', 501],
    ['GET /v1/plan?consumer=none', 404],
    ['GET /v1/events?types=none', 400],
    ['GET /healthz', 200],
    ['GET /readyz', 200],
    ['GET /v1/models', 200],
    ['GET /models', 200],
    ['GET /v1/models/m', 200],
    ['GET /v1/models/a/b', 200],
    ['GET /v1/models/none', 404],
    ['GET /v1/audio/models', 200],
    ['GET /v1/audio/voices', 200],
    ['GET /v1/audio/voices?model=none', 404],
    ['GET /audio/a.wav', 404],
    ['GET /ollama/api/tags', 501],
    ['GET /upstream/none/x', 404],
    ['POST /v1/stt', 501],
    ['POST /v1/image', 507],
    ['POST /v1/consumers/one/unload', 200],
    ['POST /v1/consumers/one/load', 200],
    ['POST /v1/consumers/bare/load', 409],
    ['POST /v1/consumers/none/unload', 404],
    ['POST /v1/resume', 200],
    ['POST /v1/leases', 400],
    ['PUT /v1/leases/x', 400],
    ['DELETE /v1/leases/x', 410],
  ])('%s, %i', async (start, expected) => {
    const { status, faults } = await check(start);
    expect([status, faults]).toEqual([expected, []]);
  });

  test.each<[string, unknown, number]>([
    ['POST /models/load', { model: 'm' }, 200],
    ['POST /models/unload', { model: 'm' }, 200],
    ['POST /models/load', { model: 'a/b' }, 409],
    ['POST /models/load', { model: 'none' }, 404],
    ['POST /models/load', {}, 400],
    ['POST /v1/pause', { by: 5 }, 400],
    ['POST /v1/leases', { consumer: 'none' }, 404],
    ['POST /v1/chat/completions', { model: 'none' }, 404],
    ['POST /v1/chat/completions', { model: 'a/b' }, 501],
    ['POST /v1/chat/completions', [], 400],
    ['POST /v1/messages', { model: 'none' }, 404],
    ['POST /v1/messages', [], 400],
    ['POST /upstream/none/v1/messages', {}, 404],
  ])('%s of %j, %i', async (start, body, expected) => {
    const { status, faults } = await check(start, { body });
    expect([status, faults]).toEqual([expected, []]);
  });

  test('to a stranger, whatever he asks for', async () => {
    for (const start of ['GET /v1/status', 'POST /v1/tts', 'POST /v1/messages', 'GET /v1/models', 'GET /ollama/api/tags', 'POST /v1/chat/completions']) {
      const { status, faults } = await check(start, { headers: { host: 'elsewhere.example' } });
      expect([start, status, faults]).toEqual([start, 421, []]);
    }
  });

  test('of a lease, from its beginning to its end, with what the status and the others say meanwhile', async () => {
    const taken = await check('POST /v1/leases', { body: { kind: 'tts', ttl: '1m' } });
    expect([taken.status, taken.faults]).toEqual([201, []]);
    const { id, token } = JSON.parse(taken.body);
    const headers = { 'x-gpu-lease': token };
    const steps: readonly (readonly [string, Omit<RequestOptions, 'url'>, number])[] = [
      ['GET /v1/status', {}, 200],
      ['POST /v1/tts', { headers: { ...headers, prefer: 'wait=0' }, body: 'x' }, 200],
      [`PUT /v1/leases/${id}`, { headers, body: { ttl: 30 } }, 200],
      ['POST /v1/leases', { body: { consumer: 'bare', wait: 0 } }, 503],
      ['POST /v1/pause', {}, 200],
      ['GET /v1/status', {}, 200],
      ['POST /v1/leases', { body: { kind: 'tts' } }, 503],
      [`PUT /v1/leases/${id}`, { headers }, 503],
      ['POST /v1/resume', {}, 200],
      [`DELETE /v1/leases/${id}`, { headers }, 200],
      ['POST /v1/tts', { headers, body: 'x' }, 410],
      ['POST /v1/pause', { body: { by: 'martin', unload: true } }, 200],
      ['POST /v1/tts', { body: 'x' }, 503],
      ['POST /v1/resume', {}, 200],
    ];
    for (const [start, options, expected] of steps) {
      const { status, faults } = await check(start, options);
      expect([start, status, faults]).toEqual([start, expected, []]);
    }
  });
});

test.each([['is crowded', true], ['cannot be read', false]])('the status is as it is described while the card %s', async (_what, isThere) => {
  const card = isThere ? fakeCard({ totalMib: 16_376 }) : null;
  // Not of this process, in which the consumer listens.
  card?.hold('game', 9000, process.ppid);
  const other = await ready(await startBroker({ consumers: { one: { fake: await simpleConsumer() } }, card }));
  const shown = isThere ? '"foreign":[{' : '"err":';
  await untilAsked(async () => (await request({ url: `${other.url}/v1/status` })).body.includes(shown));
  const { body, status } = await request({ url: `${other.url}/v1/status` });
  expect([status, faultsOf({ method: 'GET', path: '/v1/status' }, { status, body })]).toEqual([200, []]);
  await other.stop();
});

test('the events of a day are as they are described, and so is what they begin and end with', async () => {
  const other = await ready(await startBroker({ consumers: { one: { fake: await simpleConsumer(), settings: HOOKS } } }));
  const reader = await EventReader.open(`${other.url}/v1/events`, 'another-1');
  for (const path of ['/v1/tts', '/v1/consumers/one/unload', '/v1/consumers/one/load', '/v1/pause', '/v1/resume']) {
    expect((await request({ url: other.url + path, method: 'POST' })).status).toBe(200);
  }
  await reader.found('sample');
  await reader.found('pause', { paused: false });
  await other.stop();
  await until(() => reader.isOver);
  const schemas: Readonly<Record<string, string>> = { reset: 'Reset', snapshot: 'Snapshot', bye: 'Bye' };
  expect(reader.names).toEqual(expect.arrayContaining(['reset', 'snapshot', 'request_waiting', 'request_granted', 'request_finished', 'unloaded', 'loaded', 'sample', 'pause', 'bye']));
  expect(reader.events.flatMap(({ event, data }) => faultsBySchema(schemas[event] ?? 'BrokerEvent', data))).toEqual([]);
});
