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
/** Of 1000 requests each: more than can be asked before the patience of a test ends. */
const WATCHERS = 8;

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
  // At its start it reads the files of the dashboard, all at once; whoever asks for the page is answered after that.
  await untilAsked(async () => {
    const page = await request({ url: `${url}/ui` }).catch(() => null);
    return page !== null && descriptors() < OPEN_FILES / 2;
  });
});

afterEach(async () => {
  for (const client of idle) client.reset();
  await daemon.kill();
  await fake.stop();
});

const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;

/**
 * The one consumer, as the status tells it on connections that are open already, in turn. Each serves so many requests and no more, and one that
 * the daemon has closed is left out: another could not be opened.
 */
async function consumer(clients: RawClient[]): Promise<{ readonly healthy: boolean | null; readonly last_error?: string }> {
  for (let client = clients.shift(); client !== undefined; client = clients.shift()) {
    client.send('GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answer = await client.answer();
    if (answer === null) continue;
    clients.push(client);
    return JSON.parse(answer.body).consumers[0];
  }
  throw new Error('the daemon has closed all connections that were open');
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
  const watchers = await Promise.all(Array.from({ length: WATCHERS }, connect));
  await untilAsked(async () => (await consumer(watchers)).healthy === true);
  const stream = openRequest({ url: `${url}/v1/llm`, method: 'POST', body: {} });
  await stream.response;
  while (idle.length < 2 * OPEN_FILES) idle.push(await connect());
  // Those that it cannot take it closes, and a probe that ends gives a descriptor back: so there have to be ever more.
  await untilAsked(async () => {
    idle.push(await connect());
    return (await consumer(watchers)).last_error?.includes('EMFILE') === true;
  });
  expect(descriptors()).toBeGreaterThanOrEqual(OPEN_FILES - 1);
  more.resolve();
  expect(await stream.ended).toMatchObject({ status: 200, body: 'one two', complete: true });
  expect((await consumer(watchers)).healthy).toBe(true);
  for (const client of idle) client.reset();
  // It closes what has come while it had none, so some may be refused still.
  await untilAsked(async () => (await request({ url: `${url}/v1/llm`, method: 'POST', body: {} }).catch(() => null))?.body === 'one two');
  fake.refuse();
  // The first thing that was ever said of its health; a probe under way is broken off.
  expect(await daemon.line()).toMatch(/^health changed GET \/health: connection (refused|broken off)/);
  for (const watcher of watchers) watcher.reset();
});
