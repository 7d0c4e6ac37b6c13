import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, BrokerOptions } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { Answer, OpenRequest } from '../support/http.ts';

let folder: string;
let broker: Broker;
let fake: FakeConsumer;
let options: BrokerOptions;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-pause-'));
  fake = await simpleConsumer();
  options = {
    consumers: { one: { fake, settings: { load: { path: '/load' }, unload: { path: '/unload' } } }, fixed: { fake: await simpleConsumer() } },
    stateFile: join(folder, 'state', 'gpu0.json'),
  };
  broker = await startBroker(options);
});
afterEach(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true });
});

function post(path: string, body: unknown = {}): Promise<Answer> {
  return request({ url: broker.url + path, method: 'POST', body });
}

/** A request that the consumer works on until `finish()`. */
async function runningWork(): Promise<{ readonly running: OpenRequest; finish(): void }> {
  const held = Promise.withResolvers<void>();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await held.promise;
    await exchange.json(200, {});
  });
  const running = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });
  await fake.waitFor(1);
  return { running, finish: held.resolve };
}

test('a pause lets running work end, refuses what waits and what comes, and says since when and by whom', async () => {
  const { running, finish } = await runningWork();
  const waiting = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });
  await broker.waiting(1);
  const { paused } = JSON.parse((await post('/v1/pause', { by: 'martin@mrock' })).body);
  expect(paused.by).toBe('martin@mrock');
  for (const answer of [await waiting.ended, await post('/v1/llm'), await post('/v1/leases', { kind: 'llm' }), await post('/v1/consumers/one/load')]) {
    expect([answer.status, JSON.parse(answer.body).error, answer.headers['retry-after']]).toEqual([503, 'paused', '60']);
    expect(JSON.parse(answer.body)).toMatchObject({ retryable: true, message: `the card is paused since ${paused.since} by martin@mrock` });
  }
  expect((await broker.status()).paused).toEqual(paused);
  finish();
  expect((await running.ended).status).toBe(200);
  // A second one changes nothing.
  expect(JSON.parse((await post('/v1/pause', { by: 'somebody else' })).body).paused).toEqual(paused);
  expect(JSON.parse((await post('/v1/resume')).body)).toEqual({ paused: null, was_paused: paused });
  expect((await broker.status()).paused).toBeNull();
  expect((await post('/v1/llm')).status).toBe(200);
});

test('a pause with unloading waits for running work, and unloads all that can be', async () => {
  const { running, finish } = await runningWork();
  const pausing = openRequest({ url: `${broker.url}/v1/pause`, method: 'POST', body: { unload: true } });
  await broker.waiting(1);
  expect(fake.requests.some(({ path }) => path === '/unload')).toBe(false);
  finish();
  expect((await running.ended).status).toBe(200);
  expect(JSON.parse((await pausing.ended).body).consumers).toEqual([{ consumer: 'one', residency: 'absent' }]);
});

test('what could not be unloaded is told', async () => {
  fake.on('POST /unload', (exchange) => exchange.json(500, {}), { gpu: false });
  const { consumers } = JSON.parse((await post('/v1/pause', { unload: true })).body);
  expect(consumers).toEqual([{ consumer: 'one', residency: 'unknown', error: expect.stringContaining('could not be unloaded') }]);
});

test('a pause outlives the daemon', async () => {
  await post('/v1/pause', { by: 'martin' });
  const { paused } = await broker.status();
  await broker.daemon.stop(0);
  expect(JSON.parse(readFileSync(options.stateFile ?? '', 'utf8')).paused).toEqual(paused);
  const second = await startBroker(options);
  expect((await second.status()).paused).toEqual(paused);
  await request({ url: `${second.url}/v1/resume`, method: 'POST' });
  await second.daemon.stop(0);
  const third = await startBroker(options);
  expect((await third.status()).paused).toBeNull();
  await third.daemon.stop(0);
});

test.each([[{ by: 7 }], [{ unload: 'yes' }], [{ by: 'x'.repeat(101) }], [{ until: 'noon' }]])('a pause with %j is refused', async (body) => {
  expect((await post('/v1/pause', body)).status).toBe(400);
  expect((await broker.status()).paused).toBeNull();
});
