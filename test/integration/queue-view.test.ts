import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { WebSocket } from 'ws';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { disguisePeers } from '../support/disguise.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer, FakeExchange } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { Answer, OpenRequest } from '../support/http.ts';
import { keyEntry } from '../support/keys.ts';
import { RawClient } from '../support/raw-client.ts';
import { until, untilAsked } from '../support/until.ts';
import { WsConsumer } from '../support/ws-consumer.ts';

let broker: Broker;
let llm: FakeConsumer;
let image: FakeConsumer;
let release: () => void;
afterEach(async () => {
  release();
  await broker.stop();
});

/** Parts of an entry that tests read. */
interface Entry {
  readonly id: string;
  readonly request_id: string;
  readonly consumer: string;
  readonly client: string | null;
  readonly position?: number;
  readonly estimate?: string;
  readonly estimated_start: string;
  readonly estimated_wait_ms: number;
  readonly estimated_wait_range_ms: readonly [number, number];
}

interface Queue {
  readonly time: string;
  readonly running: readonly Entry[];
  readonly waiting: readonly Entry[];
}

/** What a consumer does with a request whose body says `hold`: it works until `release()`. */
let hold: (exchange: FakeExchange) => Promise<void>;

/** Two consumers that exclude each other on a card of 16376 MiB; llm has it, and image loads when it is asked. */
async function start({ own = {}, all = {} }: { own?: Settings; all?: Settings } = {}): Promise<void> {
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  hold = async (exchange) => {
    await exchange.delay(held.promise);
    await exchange.json(200, { done: true });
  };
  const card = fakeCard({ totalMib: 16376 });
  const share = cardShares(card);
  llm = await simpleConsumer({ loadedMib: 9000, memory: share('llm') });
  image = await simpleConsumer({ loadedMib: 12_000, loaded: false, memory: share('image') });
  for (const path of ['/work', '/v1/*']) {
    llm.on(`POST ${path}`, async (exchange) => {
      const body = await exchange.readBody();
      if (body.includes('hold')) await hold(exchange);
      else await exchange.json(200, { done: true });
    });
  }
  image.on('POST /work', async (exchange) => {
    await exchange.readBody();
    image.residency.setLoaded(true);
    await exchange.json(200, { done: true });
  });
  broker = await startBroker({
    card,
    consumers: {
      llm: { fake: llm, settings: { load: { path: '/load' }, unload: { path: '/unload' }, vram_resident_mib: 9000, ...own } },
      image: { fake: image, settings: { unload: { path: '/unload' }, vram_resident_mib: 12_000 } },
    },
    settings: { routing: { llm: 'llm', image: 'image', tts: 'llm', stt: 'llm' }, models: { '*': { consumer: 'llm' } }, queue: { keepalive_after: '40ms' }, ...all },
  });
}

const post = (path: string, body: unknown = {}, headers: Readonly<Record<string, string>> = {}): OpenRequest => openRequest({ url: broker.url + path, method: 'POST', body, headers });
const queue = async (): Promise<Queue> => JSON.parse((await request({ url: `${broker.url}/v1/queue` })).body);
const cancel = (id: string): Promise<Answer> => request({ url: `${broker.url}/v1/queue/${id}`, method: 'DELETE' });
const exchangeLine = (id: string) => broker.logger.lines.find(({ message, fields }) => message === 'exchange' && fields?.['id'] === id)?.fields;

/** A request that has the card until `release()`. */
async function runs(path = '/v1/llm', id = 'first'): Promise<OpenRequest> {
  const jobs = llm.jobs.length;
  const open = post(path, { model: 'm', messages: [], say: 'hold' }, { 'X-Request-Id': id });
  await llm.waitFor(jobs + 1);
  return open;
}

/** The id of the entry with this X-Request-Id, once it is there. */
async function idOf(requestId: string): Promise<string> {
  let found: Entry | undefined;
  await untilAsked(async () => {
    const { running, waiting } = await queue();
    found = [...running, ...waiting].find((each) => each.request_id === requestId);
    return found !== undefined;
  });
  return found?.id ?? '';
}

function codeOf({ status, body }: Answer): string {
  return `${status} ${JSON.parse(body).error}`;
}

describe('GET /v1/queue', () => {
  test('lists one that runs and three that wait, with their places and whom each will evict', async () => {
    await start();
    const first = await runs();
    const others = [];
    for (const [index, path] of ['/v1/image', '/v1/llm', '/v1/llm'].entries()) {
      others.push(post(path, {}, { 'X-Request-Id': `r${index}` }));
      await broker.waiting(index + 1);
    }
    const answer = await request({ url: `${broker.url}/v1/queue` });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': expect.stringMatching(/^application\/json/) } });
    const waits = { kind: 'llm', client: 'peer 127.0.0.1', model: null, estimate: 'no history', estimated_start: null, estimated_wait_ms: null, estimated_wait_range_ms: null, admitting: false };
    expect(JSON.parse(answer.body)).toMatchObject({
      schema_version: 1,
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      running: [{ id: expect.stringMatching(/^[0-9a-f]{4}-\d+$/), request_id: 'first', kind: 'llm', consumer: 'llm', client: 'peer 127.0.0.1', since: expect.any(String), run_ms: expect.any(Number), expected_ms: null }],
      waiting: [
        { ...waits, request_id: 'r0', kind: 'image', consumer: 'image', position: 1, will_evict: [{ consumer: 'llm', frees_mib: 9000 }], held_by: [] },
        { ...waits, request_id: 'r1', consumer: 'llm', position: 2, will_evict: [] },
        { ...waits, request_id: 'r2', consumer: 'llm', position: 3, will_evict: [] },
      ],
      waiting_total: 3,
      paused: null,
    });
    release();
    for (const each of [first, ...others]) expect((await each.ended).status).toBe(200);
  });

  test('says when each will start once all that comes before has happened', async () => {
    await start();
    for (const path of ['/v1/llm', '/v1/image', '/v1/llm']) expect((await post(path).ended).status).toBe(200);
    expect((await broker.status()).scheduler.evictions).toBe(2);
    const running = await runs();
    const others = [post('/v1/image', {}, { 'X-Request-Id': 'a' }), post('/v1/llm', {}, { 'X-Request-Id': 'b' })];
    await broker.waiting(2);
    await untilAsked(async () => (await queue()).waiting.every(({ estimate }) => estimate === 'measured'));
    const { time, waiting } = await queue();
    for (const each of waiting) {
      const [low, high] = each.estimated_wait_range_ms;
      expect([low <= each.estimated_wait_ms, each.estimated_wait_ms <= high]).toEqual([true, true]);
      // Whole ms on both sides.
      expect(Math.abs(Date.parse(each.estimated_start) - Date.parse(time) - each.estimated_wait_ms)).toBeLessThanOrEqual(1);
    }
    // It loads again what was unloaded for the one before.
    expect(waiting[1]?.estimated_wait_ms).toBeGreaterThan(waiting[0]?.estimated_wait_ms ?? Infinity);
    release();
    for (const each of [running, ...others]) expect((await each.ended).status).toBe(200);
  });
});

describe('cancelling one that waits', () => {
  test('has it leave at once, told so in the tongue of its path, and its log line says it', async () => {
    await start();
    const first = await runs();
    const facade = post('/v1/llm', {}, { 'X-Request-Id': 'facade' });
    const client = new OpenAI({ apiKey: 'none', baseURL: `${broker.url}/v1` });
    const refused = client.chat.completions.create({ model: 'm', messages: [] }, { headers: { 'X-Request-Id': 'openai' } }).catch((error: unknown) => error);
    await broker.waiting(2);
    for (const id of ['facade', 'openai']) {
      const answer = await cancel(await idOf(id));
      expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { id: expect.any(String), was: 'waiting' }]);
    }
    expect(broker.daemon.gate.statistics.waiting).toBe(0);
    const told = await facade.ended;
    expect([told.status, JSON.parse(told.body)]).toEqual([503, { error: 'cancelled', message: expect.stringContaining('while it waited'), consumer: 'llm', retryable: false }]);
    const error = await refused;
    expect(error).toMatchObject({ status: 503, code: 'cancelled', headers: expect.anything() });
    const headers: unknown = error instanceof OpenAI.APIError ? error.headers : null;
    expect(headers instanceof Headers ? headers.get('x-should-retry') : null).toBe('false');
    await until(() => exchangeLine('openai') !== undefined);
    expect(exchangeLine('openai')).toMatchObject({ status: 503, error: 'cancelled' });
    release();
    expect([(await first.ended).status, llm.jobs.length]).toEqual([200, 1]);
  });

  test('whose stream has begun sends it an event, and ends it properly', async () => {
    await start();
    await runs();
    const open = post('/v1/chat/completions', { model: 'm', stream: true }, { 'X-Request-Id': 'stream' });
    expect((await open.response).statusCode).toBe(200);
    expect((await cancel(await idOf('stream'))).status).toBe(200);
    const { body, complete } = await open.ended;
    const [, data = '{}'] = /\ndata: (.*)\n\n$/.exec(body) ?? [];
    expect(JSON.parse(data).error).toMatchObject({ code: 'cancelled', retryable: false, consumer: 'llm' });
    expect([complete, body.includes('[DONE]')]).toEqual([true, false]);
  });

  test.each([
    ['an unloading by hand', '/v1/consumers/llm/unload', {}],
    ['a lease by hand', '/v1/leases', { kind: 'llm' }],
  ])('works for %s', async (_what, path, body) => {
    await start();
    await runs();
    const byHand = post(path, body, { 'X-Request-Id': 'hand' });
    await broker.waiting(1);
    expect(JSON.parse((await cancel(await idOf('hand'))).body)).toMatchObject({ was: 'waiting' });
    expect(codeOf(await byHand.ended)).toBe('503 cancelled');
    expect(llm.loaded).toBe(true);
  });
});

describe('cancelling one that runs', () => {
  test('closes its connection to the consumer, tells its client, and the next one has the card', async () => {
    await start();
    const first = await runs();
    const next = post('/v1/llm');
    await broker.waiting(1);
    const id = await idOf('first');
    expect(JSON.parse((await cancel(id)).body)).toEqual({ id, was: 'running' });
    expect(codeOf(await first.ended)).toBe('503 cancelled');
    await llm.waitFor(({ aborted }) => aborted === true);
    expect((await next.ended).status).toBe(200);
    await until(() => exchangeLine('first') !== undefined);
    expect(exchangeLine('first')).toMatchObject({ status: 503, error: 'cancelled' });
    expect(exchangeLine('first')).not.toHaveProperty('cut', expect.anything());
    expect(codeOf(await cancel(id))).toBe('404 not_in_queue');
  });

  test('cuts an answer that has begun', async () => {
    await start();
    hold = async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('first');
      await exchange.never();
    };
    const first = await runs();
    (await first.response).on('error', () => undefined);
    expect((await cancel(await idOf('first'))).status).toBe(200);
    expect(await first.ended).toMatchObject({ status: 200, complete: false });
    await llm.waitFor(({ aborted }) => aborted === true);
    await broker.running(0);
    await until(() => exchangeLine('first') !== undefined);
    expect(exchangeLine('first')).toMatchObject({ error: 'cancelled', cut: 'cancelled' });
  });

  test('of a stream that waited and has had comments alone sends it an event', async () => {
    await start();
    await runs();
    const stream = post('/v1/chat/completions', { model: 'm', stream: true, say: 'hold' }, { 'X-Request-Id': 'stream' });
    expect((await stream.response).statusCode).toBe(200);
    await cancel(await idOf('first'));
    await llm.waitFor(2);
    expect(JSON.parse((await cancel(await idOf('stream'))).body)).toMatchObject({ was: 'running' });
    const { body, complete } = await stream.ended;
    expect([body.includes('"code":"cancelled"'), complete]).toEqual([true, true]);
    await broker.running(0);
  });

  test('of a stream that has begun with its head alone sends it an event, and nothing after that', async () => {
    await start({ own: { client_gone: 'finish' } });
    await runs();
    const head = Promise.withResolvers<void>();
    hold = async (exchange) => {
      await exchange.beginChunks(200, { 'Content-Type': 'text/event-stream' });
      head.resolve();
      await cancelled.promise;
      await exchange.chunk('data: {"late":1}\n\n');
      await exchange.endChunks();
    };
    const cancelled = Promise.withResolvers<void>();
    const stream = post('/v1/chat/completions', { model: 'm', stream: true, say: 'hold' }, { 'X-Request-Id': 'stream' });
    expect((await stream.response).statusCode).toBe(200);
    release();
    await head.promise;
    expect((await cancel(await idOf('stream'))).status).toBe(200);
    cancelled.resolve();
    const { body, complete } = await stream.ended;
    expect([body.includes('"code":"cancelled"'), body.includes('late'), complete]).toEqual([true, false, true]);
    await broker.running(0);
  });

  test('awaits work that closing does not end, and makes the call that ends it', async () => {
    await start({ own: { client_gone: 'finish', cancel: [{ path: '/interrupt' }] } });
    llm.on('POST /interrupt', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
    }, { gpu: false });
    const first = await runs();
    await cancel(await idOf('first'));
    expect(codeOf(await first.ended)).toBe('503 cancelled');
    await llm.waitFor(({ path }) => path === '/interrupt');
    expect(broker.daemon.gate.statistics.running).toBe(1);
    release();
    await broker.running(0);
    expect(llm.jobs.every(({ aborted }) => aborted !== true)).toBe(true);
  });

  test('ends a job that outlives its request by its id', async () => {
    await start({ own: { completion: { id: '/job', path: '/history/{id}', state: '/ended' }, cancel: [{ path: '/cancel/{id}' }] } });
    let hasEnded = false;
    llm.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, { job: 'j1' });
    });
    llm.on('GET /history/*', (exchange) => exchange.json(200, hasEnded ? { ended: true } : {}));
    llm.on('POST /cancel/j1', async (exchange) => {
      await exchange.readBody();
      hasEnded = true;
      await exchange.json(200, {});
    }, { gpu: false });
    expect((await post('/v1/llm', {}, { 'X-Request-Id': 'job' }).ended).status).toBe(200);
    expect(JSON.parse((await cancel(await idOf('job'))).body)).toMatchObject({ was: 'running' });
    await broker.running(0);
  });

  test('gives a lease by hand back', async () => {
    await start();
    const taken = await post('/v1/leases', { kind: 'llm' }, { 'X-Request-Id': 'hand' }).ended;
    const { token } = JSON.parse(taken.body);
    expect((await cancel(await idOf('hand'))).status).toBe(200);
    await broker.running(0);
    expect(codeOf(await post('/v1/llm', {}, { 'X-GPU-Lease': token }).ended)).toBe('410 lease_expired');
  });

  test('closes a WebSocket that holds the card', async () => {
    const ws = await WsConsumer.start();
    await start({ own: { url: ws.url, gpu_paths: ['GET /gated'] } });
    const client = new WebSocket(`ws://127.0.0.1:${broker.port}/upstream/llm/gated`, { headers: { 'X-Request-Id': 'socket' } });
    const closed = new Promise((resolve) => client.on('error', () => undefined).once('close', resolve));
    await ws.next();
    await broker.running(1);
    expect((await cancel(await idOf('socket'))).status).toBe(200);
    await closed;
    await broker.running(0);
    await ws.stop();
  });
});

describe('who may cancel:', () => {
  const KEYS = [keyEntry('one', 'key-one', ['infer', 'read']), keyEntry('two', 'key-two', ['infer']), keyEntry('monitor', 'key-read', ['read']), keyEntry('owner', 'key-admin', ['admin'])];
  const LAN = '127.0.3.1';

  /** Cancels from the LAN with a key. */
  async function cancelWith(key: string, id: string): Promise<string> {
    const client = await RawClient.open(broker.port, { localAddress: LAN });
    client.send(`DELETE /v1/queue/${id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    const answer = await client.answer();
    client.socket.destroy();
    const { error, was } = JSON.parse(answer?.body ?? '{}');
    return `${answer?.status} ${error ?? was}`;
  }

  test('the client itself, whoever has admin, and nobody else', async () => {
    const reveal = disguisePeers();
    await start({ all: { access: { allow: ['any'], keys: KEYS } } });
    await runs();
    const asKeyOne = (id: string): OpenRequest => post('/v1/llm', {}, { 'X-Request-Id': id, Authorization: 'Bearer key-one' });
    const [own, other] = [asKeyOne('a'), asKeyOne('b')];
    await broker.waiting(2);
    const [a, b, first] = [await idOf('a'), await idOf('b'), await idOf('first')];
    expect(await cancelWith('key-read', a)).toBe('403 forbidden');
    expect(await cancelWith('key-wrong', a)).toBe('401 unauthorized');
    expect(await cancelWith('key-two', a)).toBe('403 forbidden');
    expect(await cancelWith('key-one', first)).toBe('403 forbidden');
    expect(await cancelWith('key-two', 'ffff-1')).toBe('404 not_in_queue');
    expect(broker.daemon.gate.statistics).toMatchObject({ waiting: 2, running: 1 });
    expect(await cancelWith('key-one', a)).toBe('200 waiting');
    expect(await cancelWith('key-admin', b)).toBe('200 waiting');
    expect([codeOf(await own.ended), codeOf(await other.ended)]).toEqual(['503 cancelled', '503 cancelled']);
    reveal();
  });

  test('a page on this machine only what programs without a name there have asked for', async () => {
    await start({ all: { access: { keys: KEYS } } });
    await runs();
    const named = post('/v1/llm', {}, { 'X-Request-Id': 'named', Authorization: 'Bearer key-one' });
    await broker.waiting(1);
    const page = { Origin: broker.url, 'Sec-Fetch-Site': 'same-origin' };
    const cancelled = async (id: string, headers: Readonly<Record<string, string>>) => request({ url: `${broker.url}/v1/queue/${await idOf(id)}`, method: 'DELETE', headers });
    expect(codeOf(await cancelled('named', page))).toBe('403 forbidden');
    expect((await cancelled('first', page)).status).toBe(200);
    expect((await named.ended).status).toBe(200);
  });
});
