import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { Daemon } from '../../lib/daemon.ts';
import { configOf, simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { FakeLogger } from '../support/fake-logger.ts';
import { openRequest, request } from '../support/http.ts';
import { rawAnswer, requestText } from '../support/raw-answer.ts';
import { RawClient } from '../support/raw-client.ts';
import { until, untilAsked } from '../support/until.ts';
import { WsConsumer, closeCode } from '../support/ws-consumer.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  fake.on('GET /*', (exchange) => exchange.json(200, { path: exchange.head.path }));
});
afterEach(() => broker.stop());

const listening: Settings = { listen: '127.0.0.1:0', gpu_paths: ['POST /*'] };
const consumers = (own: Settings = listening) => ({ one: { fake, settings: own } });

async function start(own?: Settings, settings: Settings = {}): Promise<void> {
  broker = await startBroker({ consumers: consumers(own), settings });
}

/** `listen` of each consumer, as the status has it. */
async function listens(): Promise<Readonly<Record<string, unknown>>> {
  const { body } = await request({ url: `${broker.url}/v1/status` });
  const list: readonly { name: string; listen?: string | null }[] = JSON.parse(body).consumers;
  return Object.fromEntries(list.map(({ name, listen }) => [name, listen]));
}

async function own(consumer = 'one'): Promise<string> {
  const listen = (await listens())[consumer];
  if (typeof listen !== 'string') throw new Error(`${consumer} has no port of its own: ${listen}`);
  return `http://${listen}`;
}

const portOf = (url: string): number => Number(new URL(url).port);

/** A port that something else has. */
async function occupied(): Promise<{ server: Server; listen: string }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  return { server, listen: `127.0.0.1:${address.port}` };
}

describe('a port of a consumer\'s own', () => {
  test('answers all that the consumer answers, also on paths that the broker has', async () => {
    await start();
    const url = await own();
    for (const path of ['/', '/healthz', '/v1/status', '/upstream/one/x', '/audio/a%2Fb?c=%2F', '/userdata/a%2Fb.json']) {
      const answer = await request({ url: url + path });
      expect([answer.status, JSON.parse(answer.body), answer.headers['x-consumer']]).toEqual([200, { path }, 'one']);
    }
    expect((await request({ url: `${broker.url}/healthz` })).body).toBe('{"status":"ok"}');
  });

  test('has the same gate', async () => {
    await start();
    const url = await own();
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const open = [openRequest({ url: `${url}/work`, method: 'POST', body: {} }), openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })];
    await broker.running(1);
    await broker.waiting(1);
    expect((await request({ url: `${url}/tags` })).status).toBe(200);
    held.resolve();
    for (const each of open) expect((await each.ended).status).toBe(200);
    expect(fake.peakActive).toBe(1);
  });

  test('has the same access rules', async () => {
    await start();
    const port = portOf(await own());
    const ask = async (start: string, ...lines: readonly string[]) => (await rawAnswer(port, requestText([`${start} HTTP/1.1`, 'Connection: close', ...lines]))).status;
    expect(await ask('GET /x', 'Host: evil.example')).toBe(421);
    expect(await ask('GET /x', 'Host: localhost', 'Origin: http://evil.example')).toBe(403);
    for (const target of ['http://localhost/x', '*', '/..;/../x', '/%2e/x', '//x']) expect(await ask(`GET ${target}`, 'Host: localhost')).toBe(400);
    broker.reload({ consumers: consumers(), settings: { access: { allow: ['10.0.0.0/8'] } } });
    expect(await ask('GET /x', 'Host: localhost')).toBe(403);
    expect(fake.requests.filter(({ path }) => path !== '/health')).toEqual([]);
  });

  test('keeps redirects at that port, and says in the log what the client asked', async () => {
    await start();
    fake.on('GET /old', (exchange) => exchange.send(302, '', { Location: '/new' }));
    fake.on('GET /own', (exchange) => exchange.send(302, '', { Location: `${fake.url}/new` }));
    const url = await own();
    for (const path of ['/old', '/own']) expect((await request({ url: url + path })).headers.location).toBe('/new');
    await until(() => broker.logger.lines.some(({ fields }) => fields?.['path'] === '/own'));
    expect(broker.logger.lines.find(({ fields }) => fields?.['path'] === '/own')?.fields).toMatchObject({ kind: 'native', consumer: 'one', status: 302 });
  });

  test('joins WebSockets, and refuses other upgrades', async () => {
    const consumer = await WsConsumer.start();
    await start({ ...listening, url: consumer.url });
    const port = portOf(await own());
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws?clientId=1`);
    await once(client, 'open');
    expect(consumer.upgrades.map(({ url }) => url)).toEqual(['/ws?clientId=1']);
    const closed = closeCode(client);
    consumer.sockets[0]?.close(4003);
    expect(await closed).toBe(4003);
    const answer = await rawAnswer(port, requestText(['GET /ws HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: h2c']));
    expect(answer.status).toBe(426);
    await consumer.stop();
  });
});

describe('a reload', () => {
  test('opens ports that are new, and closes those that are gone', async () => {
    await start({});
    expect(await listens()).toEqual({ one: undefined });
    broker.reload({ consumers: consumers() });
    await untilAsked(async () => typeof (await listens())['one'] === 'string');
    const url = await own();
    expect((await request({ url: `${url}/x` })).status).toBe(200);
    broker.reload({ consumers: consumers({}) });
    await expect(request({ url: `${url}/x` })).rejects.toThrow('ECONNREFUSED');
    expect(await listens()).toEqual({ one: undefined });
  });

  test('leaves a port alone that stays, and its connections', async () => {
    await start();
    const client = await RawClient.open(portOf(await own()));
    const before = await own();
    broker.reload({ consumers: consumers({ ...listening, priority: 4 }) });
    client.send(requestText(['GET /x HTTP/1.1', 'Host: localhost']));
    expect(await client.answer()).toMatchObject({ status: 200 });
    expect(await own()).toBe(before);
    client.socket.destroy();
  });

  test('closes idle connections of a port that is gone at once, and the others after their answer', async () => {
    await start();
    const port = portOf(await own());
    const held = Promise.withResolvers<void>();
    fake.on('GET /slow', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, { slow: true });
    });
    const [idle, busy] = [await RawClient.open(port), await RawClient.open(port)];
    idle.send(requestText(['GET /x HTTP/1.1', 'Host: localhost']));
    await idle.answer();
    busy.send(requestText(['GET /slow HTTP/1.1', 'Host: localhost']));
    await fake.waitFor(({ path }) => path === '/slow');
    broker.reload({ consumers: consumers({}) });
    await idle.closed;
    held.resolve();
    expect(await busy.answer()).toMatchObject({ status: 200, body: '{"slow":true}' });
    await busy.closed;
  });

  test('gives the port of one consumer to another', async () => {
    const other = await simpleConsumer();
    const { server, listen } = await occupied();
    server.close();
    await once(server, 'close');
    const both = (first: Settings, second: Settings) => ({ one: { fake, settings: first }, two: { fake: other, settings: second } });
    broker = await startBroker({ consumers: both({ listen }, {}) });
    broker.reload({ consumers: both({}, { listen }) });
    await untilAsked(async () => (await listens())['two'] === listen);
    expect((await request({ url: `http://${listen}/x` })).headers['x-consumer']).toBe('two');
    await other.stop();
  });

  test('that finds a port taken says so, and the next one tries again', async () => {
    await start();
    const { server, listen } = await occupied();
    const own = { ...listening, listen };
    broker.reload({ consumers: consumers(own) });
    await until(() => broker.logger.lines.some(({ level, fields }) => level === 'error' && fields?.['consumer'] === 'one'));
    expect(broker.logger.lines.find(({ level }) => level === 'error')?.fields?.['reason']).toContain(`consumers.one.listen: cannot listen on ${listen}: another program has that port`);
    expect(await listens()).toEqual({ one: null });
    server.close();
    await once(server, 'close');
    broker.reload({ consumers: consumers(own) });
    await untilAsked(async () => (await listens())['one'] === listen);
    expect((await request({ url: `http://${listen}/x` })).status).toBe(200);
  });

  test('answers nothing for a consumer that is gone, on a connection that is still open', async () => {
    await start();
    const held = Promise.withResolvers<void>();
    fake.on('GET /slow', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const client = await RawClient.open(portOf(await own()));
    for (const path of ['/slow', '/next']) client.send(requestText([`GET ${path} HTTP/1.1`, 'Host: localhost']));
    await fake.waitFor(({ path }) => path === '/slow');
    broker.reload({ consumers: { renamed: { fake } } });
    held.resolve();
    expect((await client.answer())?.status).toBe(200);
    const next = await client.answer();
    expect([next?.status, JSON.parse(next?.body ?? '').error]).toEqual([404, 'unknown_consumer']);
    client.socket.destroy();
  });
});

describe('at the start', () => {
  test('a port that is taken ends it, and names the consumer', async () => {
    await start({});
    const { server, listen } = await occupied();
    const config = configOf({ consumers: consumers({ listen }) });
    const daemon = new Daemon({ config, configPath: 'test', version: 'test', logger: new FakeLogger(), env: { PATH: '/nowhere' } });
    await expect(daemon.start()).rejects.toThrow(`consumers.one.listen: cannot listen on ${listen}: another program has that port (EADDRINUSE)`);
    server.close();
  });
});

describe('at the end', () => {
  test('a port stays open while running work ends, to say that no new work is taken', async () => {
    await start();
    const url = await own();
    const held = Promise.withResolvers<void>();
    fake.on('GET /slow', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const running = openRequest({ url: `${url}/slow` });
    await fake.waitFor(({ path }) => path === '/slow');
    const stopped = broker.daemon.stop(60_000);
    for (const method of ['GET', 'POST']) {
      const refused = await request({ url: `${url}/work`, method });
      expect([refused.status, JSON.parse(refused.body).error]).toEqual([503, 'shutting_down']);
    }
    held.resolve();
    expect((await running.ended).status).toBe(200);
    await stopped;
    await expect(request({ url: `${url}/x` })).rejects.toThrow('ECONNREFUSED');
  });
});
