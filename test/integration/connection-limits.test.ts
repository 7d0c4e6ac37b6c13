import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { exchangeRaw, RawClient } from '../support/raw-client.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { WsConsumer } from '../support/ws-consumer.ts';

/** So many more may ask how the broker does. */
const RESERVE = 16;

let broker: Broker;
let fake: FakeConsumer;
let sockets: WsConsumer;
let idle: RawClient[];
beforeEach(async () => {
  fake = await simpleConsumer();
  sockets = await WsConsumer.start();
  idle = [];
});
afterEach(async () => {
  for (const client of idle) client.reset();
  await broker.stop();
  await sockets.stop();
});

async function start(connections: number, own: Settings = {}): Promise<void> {
  const consumers = { one: { fake, settings: own }, ws: { fake, settings: { url: sockets.url, gpu_paths: ['POST /*'] } } };
  broker = await startBroker({ consumers, settings: { limits: { connections } } });
}

/** Connects so many clients that say nothing. */
async function connectIdle(count: number): Promise<void> {
  const before = idle.length;
  while (idle.length < before + count) idle.push(await RawClient.open(broker.port));
}

const post = (): Promise<Answer> => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
const get = (path: string): Promise<Answer> => request({ url: `${broker.url}${path}` });
const openConnections = async (): Promise<unknown> => JSON.parse((await get('/v1/status')).body).process.open_connections;

function expectOverloaded(answer: Pick<RawAnswer, 'status' | 'body' | 'headers'> | null): void {
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1', connection: 'close', 'content-type': 'application/json; charset=utf-8' } });
  const envelope = { error: 'overloaded', retryable: true, message: expect.stringContaining('limits.connections') };
  expect(JSON.parse(answer?.body ?? '')).toEqual(envelope);
}

test('those who may not connect take nobody his place', async () => {
  broker = await startBroker({ consumers: { one: { fake } }, settings: { limits: { connections: 40 }, access: { allow: ['127.0.0.2'] } } });
  while (idle.length < 60) idle.push(await RawClient.open(broker.port));
  const client = await RawClient.open(broker.port, { localAddress: '127.0.0.2' });
  client.send('GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await client.answer())?.status).toBe(200);
  client.socket.destroy();
});

describe('when limits.connections is reached', () => {
  test('one more is refused and closed, and its request goes nowhere', async () => {
    await start(2);
    await connectIdle(2);
    const client = await RawClient.open(broker.port);
    client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
    expectOverloaded(await client.answer());
    await client.closed;
    expect(fake.jobs).toEqual([]);
  });

  test('the health and the status are still told, on a connection that is closed then', async () => {
    await start(2);
    await connectIdle(2);
    for (const path of ['/healthz', '/v1/status', '/v1/status?x=1']) {
      expect(await get(path)).toMatchObject({ status: 200, headers: { connection: 'close' } });
    }
    expect(await openConnections()).toBe(3);
  });

  test.each([
    'POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n',
    'GET /healthz/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /upstream/ws/a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ])('nothing else is: %j', async (bytes) => {
    await start(1);
    await connectIdle(1);
    expectOverloaded(await exchangeRaw(broker.port, bytes));
    expect(sockets.upgrades).toEqual([]);
  });

  test('a second question on such a connection is not answered', async () => {
    await start(1);
    await connectIdle(1);
    const client = await RawClient.open(broker.port);
    client.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
    expect((await client.answer())?.status).toBe(200);
    expect(await client.answer()).toBeNull();
    expect(fake.jobs).toEqual([]);
  });

  test('those who are over the reserve as well are refused before they have said anything', async () => {
    await start(1);
    await connectIdle(1 + RESERVE);
    const client = await RawClient.open(broker.port);
    expectOverloaded(await client.answer());
    await client.closed;
    expect(broker.logger.lines.some(({ fields }) => fields?.['error'] === 'overloaded')).toBe(false);
  });

  test('a flood of further clients is told so, every one, and the health is told again at once', async () => {
    await start(3);
    await connectIdle(3);
    const refused = await Promise.all(Array.from({ length: 300 }, post));
    for (const answer of refused) expect(answer).toMatchObject({ status: 503, complete: true, body: expect.stringContaining('overloaded') });
    expect((await get('/healthz')).status).toBe(200);
    expect(fake.jobs).toEqual([]);
    expect(broker.daemon.connections).toBeLessThanOrEqual(3 + RESERVE);
  });

  test('a reserved connection on which nothing is asked is closed', async () => {
    await start(1);
    await connectIdle(2);
    await idle[1]?.closed;
    expect(idle[0]?.socket.closed).toBe(false);
  });

  test('there is room again as soon as one has closed', async () => {
    await start(1);
    await connectIdle(1);
    expect((await post()).status).toBe(503);
    idle[0]?.socket.end();
    await idle[0]?.closed;
    await until(() => broker.daemon.connections === 0);
    expect((await post()).status).toBe(200);
  });

  test('the connections that are open are served as before, also many requests on one', async () => {
    await start(1);
    await connectIdle(1);
    for (let round = 0; round < 3; round += 1) {
      idle[0]?.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
      expect((await idle[0]?.answer())?.status).toBe(200);
    }
  });

  test('a reload with a higher limit lets more in', async () => {
    await start(1);
    await connectIdle(1);
    broker.reload({ consumers: { one: { fake } }, settings: { limits: { connections: 10 } } });
    expect((await post()).status).toBe(200);
  });
});

test('a port of a consumer\'s own has the same limit, and no reserve, as all its paths are the consumer\'s', async () => {
  await start(1, { listen: '127.0.0.1:0' });
  const { consumers }: { readonly consumers: readonly { readonly name: string; readonly listen?: string }[] } = JSON.parse((await get('/v1/status')).body);
  const listen = consumers.find(({ name }) => name === 'one')?.listen;
  await connectIdle(1);
  const client = await RawClient.open(Number(new URL(`http://${listen}`).port));
  expectOverloaded(await client.answer());
  await client.closed;
  idle[0]?.reset();
  await until(() => broker.daemon.connections === 0);
  expect((await request({ url: `http://${listen}/work`, method: 'POST', body: {} })).status).toBe(200);
});

test('a WebSocket counts as long as it is open', async () => {
  await start(1);
  const client = new WebSocket(`ws://127.0.0.1:${broker.port}/upstream/ws/a`);
  await once(client, 'open');
  expect(await openConnections()).toBe(2);
  expect((await post()).status).toBe(503);
  client.close();
  await once(client, 'close');
  await until(() => broker.daemon.connections === 0);
  expect((await post()).status).toBe(200);
});

test('a connection is ended after 1000 requests, and all of them are answered', async () => {
  await start(1);
  const client = await RawClient.open(broker.port);
  const send = (count: number): void => client.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(count));
  const answers: (RawAnswer | null)[] = [];
  while (answers.length < 900) {
    send(100);
    for (let count = 0; count < 100; count += 1) answers.push(await client.answer());
  }
  send(101);
  while (answers.length < 1000) answers.push(await client.answer());
  expect(new Set(answers.map((answer) => answer?.status))).toEqual(new Set([200]));
  expect(answers.map((answer) => answer?.headers['connection']).indexOf('close')).toBe(999);
  expect(await client.answer()).toBeNull();
});
