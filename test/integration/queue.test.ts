import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
let finish: () => void;
afterEach(async () => {
  finish();
  await broker.stop();
});

/** A consumer whose first job is held until `finish()`. */
async function start(settings: Settings = {}, consumers: Record<string, { fake: FakeConsumer; settings?: Settings }> = {}): Promise<void> {
  fake = await simpleConsumer();
  const held = Promise.withResolvers<void>();
  finish = held.resolve;
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.delay(held.promise);
    await exchange.json(200, { done: true });
  });
  broker = await startBroker({ consumers: { one: { fake }, ...consumers }, settings });
}

function post(headers: Record<string, string> = {}, kind = 'tts'): OpenRequest {
  const open = openRequest({ url: `${broker.url}/v1/${kind}`, method: 'POST', body: {}, headers });
  open.ended.catch(() => undefined);
  return open;
}

async function holdCard(): Promise<OpenRequest> {
  const first = post({ 'x-request-id': 'first' });
  await fake.waitFor(1);
  return first;
}

describe('the queue', () => {
  test('lets a client that leaves go at once, and its consumer never hears of it', async () => {
    await start();
    const first = await holdCard();
    const leaver = post({ 'x-request-id': 'leaver' });
    await broker.waiting(1);
    leaver.abort();
    await broker.waiting(0);
    finish();
    expect((await first.ended).status).toBe(200);
    expect(fake.jobs.map(({ headers }) => headers['x-request-id'])).toEqual(['first']);
  });

  test('takes a client that closes only its sending side for one that left', async () => {
    await start();
    await holdCard();
    const socket = connect({ port: broker.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.write('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
    await broker.waiting(1);
    socket.end();
    await broker.waiting(0);
    socket.destroy();
  });

  test('aborts the work of a client that leaves in its middle, and gives the card to the next', async () => {
    await start();
    const first = await holdCard();
    const second = post({ 'x-request-id': 'second' });
    await broker.waiting(1);
    first.abort();
    const job = await fake.waitFor(({ headers }) => headers['x-request-id'] === 'second');
    expect(job.headers['x-request-id']).toBe('second');
    await until(() => fake.jobs[0]?.aborted === true);
    finish();
    expect((await second.ended).status).toBe(200);
  });

  test('is bounded: one more gets 429 with Retry-After at once, and the status stays quick', async () => {
    await start({ queue: { max_waiting: 20 } });
    await holdCard();
    const waiting = Array.from({ length: 20 }, () => post());
    await broker.waiting(20);
    const refused = await Promise.all(Array.from({ length: 200 }, () => post().ended));
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
    expect(refused[0]?.headers['retry-after']).toMatch(/^\d+$/);
    expect(JSON.parse(refused[0]?.body ?? '')).toMatchObject({ error: 'queue_full', retryable: true });
    expect((await broker.status()).scheduler).toMatchObject({ queue_depth: 20, in_flight: 1, oldest_queued: expect.stringMatching(/^\d{4}-/) });
    finish();
    for (const { status } of await Promise.all(waiting.map(({ ended }) => ended))) expect(status).toBe(200);
  });

  test.each([
    ['queue.max_wait', { queue: { max_wait: '80ms' } }, {}],
    ['Prefer: wait', {}, { prefer: 'respond-async, wait=0' }],
    ['X-Stainless-Timeout', {}, { 'x-stainless-timeout': '0.08' }],
  ])('bounds the wait by %s', async (_what, settings, headers) => {
    await start(settings);
    await holdCard();
    const answer = await post(headers).ended;
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'queue_timeout', retryable: true, consumer: 'one' });
    expect(fake.jobs).toHaveLength(1);
  });

  test('serves by priority, then first come first served', async () => {
    const urgent = await simpleConsumer();
    await start({ routing: { tts: 'one', llm: 'urgent' } }, { urgent: { fake: urgent, settings: { priority: 4 } } });
    const first = await holdCard();
    const order: string[] = [];
    const enter = async (kind: string, id: string): Promise<void> => {
      const before = broker.daemon.gate.statistics.waiting;
      const { ended } = post({ 'x-request-id': id }, kind);
      void ended.then(() => order.push(id));
      await broker.waiting(before + 1);
    };
    await enter('tts', 'a');
    await enter('tts', 'b');
    await enter('llm', 'c');
    finish();
    await first.ended;
    await until(() => order.length === 3);
    expect(order).toEqual(['c', 'a', 'b']);
  });

  test('passes over one whose consumer works to its limit', async () => {
    const other = await simpleConsumer();
    await start({ gpu: { concurrency: 2 }, routing: { tts: 'one', llm: 'other' } }, { other: { fake: other } });
    await holdCard();
    const blocked = post();
    await broker.waiting(1);
    expect((await post({}, 'llm').ended).status).toBe(200);
    expect(fake.active).toBe(1);
    finish();
    expect((await blocked.ended).status).toBe(200);
    expect(fake.peakActive).toBe(1);
  });

  test('refuses a waiting request at its turn if its consumer died meanwhile', async () => {
    const dying = await simpleConsumer();
    await start({ routing: { tts: 'one', llm: 'dying' } }, { dying: { fake: dying } });
    await holdCard();
    const waiting = post({}, 'llm');
    await broker.waiting(1);
    dying.refuse();
    await until(() => broker.daemon.registry.byName('dying')?.health.state === 'unhealthy');
    finish();
    const answer = await waiting.ended;
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([503, 'consumer_unreachable']);
  });

  test('is empty after any storm of clients that come and go', async () => {
    await start({ queue: { max_waiting: 1000, max_waiting_per_client: 1000 } });
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
    });
    const clients = Array.from({ length: 300 }, (_, index) => {
      const open = post({ 'x-request-id': `storm-${index}` });
      if (index % 3 === 0) setImmediate(() => open.abort());
      if (index % 3 === 1) open.request.once('socket', (socket) => socket.once('connect', () => setTimeout(() => open.abort(), index % 40)));
      return open.ended.catch(() => null);
    });
    await Promise.all(clients);
    await broker.waiting(0);
    await broker.running(0);
    expect(fake.peakActive).toBeLessThanOrEqual(1);
    expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
  });
});
