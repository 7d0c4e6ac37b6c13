import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HISTORY_TABLES } from '../../lib/core/history-tables.ts';
import { scopeNeeded } from '../../lib/core/scopes.ts';
import { lineText } from '../../lib/core/log-lines.ts';
import { LogLines } from '../../lib/events/log-lines.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { EventReader } from '../support/event-reader.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { historyWith } from '../support/history-client.ts';
import { request } from '../support/http.ts';
import type { RequestOptions } from '../support/http.ts';
import { DESCRIBED, DOCUMENT, faultsBySchema, faultsOf, templateOf } from '../support/openapi.ts';
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
  const logLines = new LogLines();
  logLines.note('warn', lineText({ timestamp: '2026-05-04T10:11:12.131Z', level: 'warn', message: 'a line', consumer: 'one' }));
  return ready(await startBroker({ consumers, settings, logLines }));
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
    const own = Object.keys(DOCUMENT.paths).filter((path) => !/^\/(?:ollama|comfyui|upstream)\//.test(path));
    for (const path of own) {
      const answer = await request({ url: broker.url + path.replaceAll(/[{}]/g, ''), method: 'PATCH' });
      const described = DESCRIBED.filter((each) => each.path === path).flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      expect([path, answer.status, answer.headers['allow']]).toEqual([path, 405, described.join(', ')]);
    }
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
    ['GET /v1/queue', 200],
    ['DELETE /v1/queue/none', 404],
    ['GET /v1/history', 501],
    ['GET /v1/history?what=none', 400],
    ['GET /v1/logs', 200],
    ['GET /v1/logs?n=none', 400],
    ['GET /ui/none', 404],
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
      ['GET /v1/queue', {}, 200],
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

  test('of the queue while one runs and one waits, and of cancelling', async () => {
    expect((await check('POST /v1/tts', { body: 'x' })).status).toBe(200);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    fake.on('POST /held', async (exchange) => {
      await exchange.delay(released);
      await exchange.json(200, {});
    });
    const runs = check('POST /upstream/one/held', { body: 'x' });
    await broker.running(1);
    const waits = check('POST /v1/tts', { body: 'x' });
    await untilAsked(async () => (await queueNow()).waiting.length === 1);
    const { status, faults, running: [held], waiting: [queued] } = await queueNow();
    expect([status, faults, held?.kind, queued?.kind, queued?.estimate]).toEqual([200, [], 'native', 'tts', 'measured']);
    expect(await check(`DELETE /v1/queue/${queued?.id}`)).toMatchObject({ status: 200, faults: [] });
    expect(await waits).toMatchObject({ status: 503, faults: [], body: expect.stringContaining('"cancelled"') });
    release();
    expect((await runs).status).toBe(200);
  });

  test.each(['/', '/metrics', '/ui', '/ui/app.js', '/ui/style.css'])('GET %s, of the type that is described', async (path) => {
    const { status, headers } = await request({ url: broker.url + path });
    const described = DOCUMENT.paths[templateOf(path) ?? '']?.['get']?.responses['200']?.content;
    expect([status, Object.keys(described ?? {})]).toEqual([200, expect.arrayContaining([headers['content-type']?.split(';')[0]])]);
  });
});

/** Parts of an entry of the queue that are looked at. */
interface Queued {
  readonly id: string;
  readonly kind: string;
  readonly estimate?: string;
}

async function queueNow() {
  const { status, faults, body } = await check('GET /v1/queue');
  const { running, waiting }: { readonly running: readonly Queued[]; readonly waiting: readonly Queued[] } = JSON.parse(body);
  return { status, faults, running, waiting };
}

test('the history is as it is described, and has in each table the fields of its event', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mgpu-openapi-'));
  const consumers = { one: { fake: await simpleConsumer(), settings: HOOKS } };
  const settings = { history: { path: join(folder, 'history.db') } };
  const other = await ready(await startBroker({ consumers, settings }));
  for (const path of ['/v1/tts', '/v1/consumers/one/unload', '/v1/consumers/one/load']) {
    expect((await request({ url: other.url + path, method: 'POST' })).status).toBe(200);
  }
  other.reload({ consumers, settings });
  for (const [what, type] of Object.entries(HISTORY_TABLES)) {
    const { rows } = await historyWith(1, { url: other.url, query: `limit=1&what=${what}` });
    expect([what, rows.flatMap((row) => faultsBySchema('BrokerEvent', { type, ...row }))]).toEqual([what, []]);
    const path = `/v1/history?what=${what}`;
    expect(faultsOf({ method: 'GET', path }, await request({ url: other.url + path }))).toEqual([]);
  }
  const { status, headers } = await request({ url: `${other.url}/v1/history?format=csv&limit=1` });
  expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/csv;/)]);
  const said = await request({ url: `${other.url}/v1/status` });
  expect([JSON.parse(said.body).history.on, faultsOf({ method: 'GET', path: '/v1/status' }, said)]).toEqual([true, []]);
  await other.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('so is what it says while it is not ready, and what it says of a history that cannot be read', async () => {
  const slow = await simpleConsumer();
  slow.residency.health = 'hang';
  const other = await startBroker({ consumers: { slow: { fake: slow } }, settings: { history: { path: '/dev/null/history.db' } } });
  const paths: readonly (readonly [string, number])[] = [['/readyz', 503], ['/v1/history', 503], ['/v1/status', 200], ['/v1/queue', 200]];
  for (const [path, expected] of paths) {
    const answer = await request({ url: other.url + path });
    expect([path, answer.status, faultsOf({ method: 'GET', path }, answer)]).toEqual([path, expected, []]);
  }
  await other.stop();
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
  expect(reader.names).toEqual(expect.arrayContaining(['reset', 'snapshot', 'request_waiting', 'request_granted', 'request_finished', 'request_released', 'unloaded', 'loaded', 'sample', 'pause', 'bye']));
  expect(reader.events.flatMap(({ event, data }) => faultsBySchema(schemas[event] ?? 'BrokerEvent', data))).toEqual([]);
});
