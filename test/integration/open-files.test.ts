import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { simpleConsumer } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { nodeProcess } from '../support/node-process.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { untilAsked } from '../support/until.ts';

const LIB = new URL('../../lib/', import.meta.url).href;
const OPEN_FILES = 64;

let fake: FakeConsumer;
let daemon: NodeProcess;
let url: string;
let idle: RawClient[];

beforeEach(async () => {
  idle = [];
  fake = await simpleConsumer();
  const file = {
    listen: '127.0.0.1:0',
    health: { interval: '20ms' },
    gpu: { total_mib: 1000 },
    routing: { llm: 'one' },
    consumers: { one: { url: fake.url, health: { path: '/health' }, paths: { llm: { path: '/work' } } } },
  };
  daemon = await nodeProcess(
    `
    import { parseConfig } from '${LIB}config/load.ts';
    import { Daemon } from '${LIB}daemon.ts';
    const { config } = parseConfig(${JSON.stringify(JSON.stringify(file))}, 'test.yaml', {});
    const warn = (message, fields) => message === 'health changed' && console.log(message, fields.reason);
    const logger = { debug() {}, info() {}, error() {}, warn };
    const daemon = new Daemon({ config, configPath: 'test.yaml', version: 'test', logger, env: { PATH: '/nowhere' } });
    await daemon.start();
    console.log(daemon.url);
    `,
    process.env,
    OPEN_FILES,
  );
  url = await daemon.line();
});

afterEach(async () => {
  for (const client of idle) client.reset();
  await daemon.kill();
  await fake.stop();
});

const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;

/** The one consumer, as the status tells it on connections that are open already, in turn: each serves so many requests and no more. */
async function consumer(clients: RawClient[]): Promise<{ readonly healthy: boolean | null; readonly last_error?: string }> {
  const client = clients.shift() ?? (await connect());
  clients.push(client);
  client.send('GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return JSON.parse((await client.answer())?.body ?? '').consumers[0];
}

const connect = (): Promise<RawClient> => RawClient.open(Number(new URL(url).port));

test('a daemon without a free descriptor goes on with what it has, blames no consumer, and takes new clients when there are some', async () => {
  const more = Promise.withResolvers<void>();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.beginChunks();
    await exchange.chunk('one ');
    await exchange.delay(more.promise);
    await exchange.chunk('two');
    await exchange.endChunks();
  });
  const watchers = await Promise.all([connect(), connect(), connect(), connect()]);
  await untilAsked(async () => (await consumer(watchers)).healthy === true);
  const stream = openRequest({ url: `${url}/v1/llm`, method: 'POST', body: {} });
  await stream.response;
  while (idle.length < 2 * OPEN_FILES) idle.push(await connect());
  await untilAsked(async () => (await consumer(watchers)).last_error?.includes('EMFILE') === true);
  expect(descriptors()).toBeGreaterThanOrEqual(OPEN_FILES - 1);
  more.resolve();
  expect(await stream.ended).toMatchObject({ status: 200, body: 'one two', complete: true });
  expect((await consumer(watchers)).healthy).toBe(true);
  for (const client of idle) client.reset();
  await untilAsked(async () => (await request({ url: `${url}/v1/llm`, method: 'POST', body: {} })).body === 'one two');
  fake.refuse();
  // The first thing that was ever said of its health; a probe under way is broken off.
  expect(await daemon.line()).toMatch(/^health changed GET \/health: connection (refused|broken off)/);
  for (const watcher of watchers) watcher.reset();
});
