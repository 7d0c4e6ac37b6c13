import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { untilAsked } from '../support/until.ts';

let broker: Broker;
let llm: FakeConsumer;
let tts: FakeConsumer;

beforeEach(async () => {
  llm = await simpleConsumer();
  tts = await simpleConsumer();
  llm.on('GET /history', (exchange) => exchange.json(200, {}));
  const completion = { id: '/job', path: '/history', state: '/ended' };
  broker = await startBroker({
    consumers: { llm: { fake: llm, settings: { completion } }, tts: { fake: tts } },
    settings: { routing: { llm: 'llm', tts: 'tts', stt: 'tts', image: 'llm' }, leases: { max_ttl: '10m' } },
  });
});
afterEach(() => broker.stop());

interface Pass {
  readonly id: string;
  readonly token: string;
  readonly consumer: string;
  readonly expires_at: string;
}

function ask(path: string, options: { readonly method?: string; readonly body?: unknown; readonly token?: string } = {}): Promise<Answer> {
  const { method = 'POST', body = {}, token } = options;
  return request({ url: broker.url + path, method, body, headers: token === undefined ? {} : { 'X-GPU-Lease': token } });
}

async function take(body: unknown = { kind: 'llm' }): Promise<Pass> {
  const answer = await ask('/v1/leases', { body });
  expect(answer.status).toBe(201);
  return JSON.parse(answer.body);
}

function codeOf({ status, body }: Answer): string {
  return `${status} ${JSON.parse(body).error}`;
}

describe('a lease by hand', () => {
  test('lets requests with its token run at once, and all others wait until it is given back', async () => {
    const pass = await take();
    expect(pass.consumer).toBe('llm');
    const other = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.waiting(1);
    const inside = await Promise.all([ask('/v1/llm', { token: pass.token }), ask('/v1/image', { token: pass.token })]);
    expect(inside.map(({ status }) => status)).toEqual([200, 200]);
    expect(tts.jobs).toHaveLength(0);
    expect(llm.jobs.every(({ headers }) => headers['x-gpu-lease'] === undefined)).toBe(true);
    expect((await broker.status()).leases).toMatchObject([{ id: pass.id, consumer: 'llm', running: 0, ending: false }]);
    expect((await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await other.ended).status).toBe(200);
    expect(codeOf(await ask('/v1/llm', { token: pass.token }))).toBe('410 lease_expired');
  });

  test('that is not renewed ends by itself', async () => {
    const pass = await take({ kind: 'llm', ttl: '50ms' });
    await broker.running(0);
    expect(codeOf(await ask('/v1/llm', { token: pass.token }))).toBe('410 lease_expired');
    expect(codeOf(await ask(`/v1/leases/${pass.id}`, { method: 'PUT', token: pass.token }))).toBe('410 lease_expired');
    expect(codeOf(await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' }))).toBe('410 lease_expired');
    expect((await broker.status()).leases).toEqual([]);
  });

  test('that expires is given back only when what runs inside it has ended', async () => {
    const held = Promise.withResolvers<void>();
    llm.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await held.promise;
      await exchange.json(200, {});
    });
    const pass = await take({ consumer: 'llm', ttl: '100ms' });
    const inside = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {}, headers: { 'X-GPU-Lease': pass.token } });
    await llm.waitFor(1);
    await untilAsked(async () => (await broker.status()).leases[0]?.ending === true);
    expect(broker.daemon.gate.statistics.running).toBe(1);
    expect(codeOf(await ask('/v1/llm', { token: pass.token }))).toBe('410 lease_expired');
    held.resolve();
    expect((await inside.ended).status).toBe(200);
    await broker.running(0);
  });

  test('is given back only when a job that outlives its request has ended', async () => {
    llm.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, { job: 'a' });
    });
    const pass = await take();
    expect((await ask('/v1/llm', { token: pass.token })).status).toBe(200);
    await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' });
    await llm.waitFor(({ path }) => path === '/history');
    expect(broker.daemon.gate.statistics.running).toBe(1);
    llm.on('GET /history', (exchange) => exchange.json(200, { ended: true }));
    await broker.running(0);
  });

  test('that is renewed lives on', async () => {
    const pass = await take({ kind: 'llm', ttl: 60 });
    const answer = await ask(`/v1/leases/${pass.id}`, { method: 'PUT', body: { ttl: '5m' }, token: pass.token });
    expect(answer.status).toBe(200);
    const renewed: Pass = JSON.parse(answer.body);
    const livesLongerMs = Date.parse(renewed.expires_at) - Date.parse(pass.expires_at);
    expect(livesLongerMs).toBeGreaterThanOrEqual(240_000);
    await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' });
  });

  test('is for one consumer, and renewed with its own token only', async () => {
    const pass = await take();
    expect(codeOf(await ask('/v1/tts', { token: pass.token }))).toBe('409 lease_mismatch');
    expect(codeOf(await ask(`/v1/leases/${pass.id}`, { method: 'PUT', token: 'another' }))).toBe('409 lease_mismatch');
    expect(codeOf(await ask(`/v1/leases/${pass.id}`, { method: 'PUT' }))).toBe('400 bad_request');
    expect(codeOf(await ask(`/v1/leases/${pass.id}`, { method: 'DELETE', token: 'another' }))).toBe('409 lease_mismatch');
    expect(codeOf(await ask('/v1/llm', { token: 'made-up' }))).toBe('410 lease_expired');
    await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' });
  });

  test('is waited for as any request is, and no longer than its client says', async () => {
    const pass = await take();
    expect(codeOf(await ask('/v1/leases', { body: { kind: 'tts', wait: '50ms' } }))).toBe('503 queue_timeout');
    const left = openRequest({ url: `${broker.url}/v1/leases`, method: 'POST', body: { kind: 'tts' } });
    left.ended.catch(() => undefined);
    await broker.waiting(1);
    left.abort();
    await broker.waiting(0);
    await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' });
  });

  test.each([
    [{}, '400 bad_request'],
    [{ kind: 'llm', consumer: 'llm' }, '400 bad_request'],
    [{ kind: 'video' }, '400 bad_request'],
    [{ kind: 'llm', ttl: 'soon' }, '400 bad_request'],
    [{ kind: 'llm', ttl: 0 }, '400 bad_request'],
    [{ kind: 'llm', ttl: '11m' }, '400 bad_request'],
    [{ kind: 'llm', tll: '1m' }, '400 bad_request'],
    [[], '400 bad_request'],
    ['no JSON', '400 bad_request'],
    [{ consumer: 'nobody' }, '404 unknown_consumer'],
  ])('is refused for %j', async (body, code) => {
    expect(codeOf(await ask('/v1/leases', { body }))).toBe(code);
    expect(broker.daemon.gate.statistics.running).toBe(0);
  });

  test('is refused for a consumer that is down', async () => {
    llm.residency.health = { status: 500, body: {} };
    await untilAsked(async () => (await broker.status()).consumers.find(({ name }) => name === 'llm')?.healthy === false);
    expect(codeOf(await ask('/v1/leases', { body: { kind: 'llm' } }))).toBe('503 consumer_unreachable');
  });

  test('is told to nobody but its holder', async () => {
    const pass = await take();
    await ask('/v1/llm', { token: pass.token });
    expect(JSON.stringify([await broker.status(), broker.logger.lines])).not.toContain(pass.token);
    await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' });
  });

  test('does not hold up the end of the daemon', async () => {
    await take({ kind: 'llm', ttl: '10m' });
    await broker.daemon.stop(60_000);
    expect(broker.daemon.gate.statistics.running).toBe(0);
  });
});

test('inside a lease run no more requests at once than the daemon bears', async () => {
  const held = Promise.withResolvers<void>();
  llm.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await held.promise;
    await exchange.json(200, {});
  });
  const pass = await take();
  const inside = Array.from({ length: 64 }, () => ask('/v1/llm', { token: pass.token }));
  await llm.waitFor(64);
  expect(codeOf(await ask('/v1/llm', { token: pass.token }))).toBe('429 queue_full');
  held.resolve();
  expect((await Promise.all(inside)).every(({ status }) => status === 200)).toBe(true);
  await ask(`/v1/leases/${pass.id}`, { method: 'DELETE' });
});
