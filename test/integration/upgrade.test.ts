import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { rawAnswer, rawAnswers, requestText } from '../support/raw-answer.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { WsConsumer, closeCode, nextMessage } from '../support/ws-consumer.ts';

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

let broker: Broker;
/** Serves `raw`, byte by byte as a test writes it. */
let fake: FakeConsumer;
/** Serves `comfyui`. */
let consumer: WsConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  consumer = await WsConsumer.start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await broker.stop();
  await consumer.stop();
});

async function start(settings: Settings = {}, own: Settings = {}): Promise<void> {
  broker = await startBroker({
    consumers: {
      comfyui: { fake, settings: { url: consumer.url, gpu_paths: ['GET /gated', 'POST /*'], ...own } },
      raw: { fake, settings: { gpu_paths: ['POST /*', 'GET /gated'] } },
    },
    settings,
  });
}

const clients: WebSocket[] = [];
function connect(path: string, options: ConstructorParameters<typeof WebSocket>[2] = {}): WebSocket {
  const client = new WebSocket(`ws://127.0.0.1:${broker.port}${path}`, ['a', 'b'], options);
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

/** A WebSocket through the broker, with both its ends. */
async function joined(path = '/comfyui/ws'): Promise<{ client: WebSocket; server: WebSocket }> {
  const next = consumer.next();
  const client = connect(path);
  const [server] = await Promise.all([next, once(client, 'open')]);
  return { client, server };
}

/** A server that switches to anything, and does as it likes when its client has ended its side. */
async function halfOpen(onEnd: (socket: Socket) => void): Promise<{ server: Server; url: string }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).once('data', (head) => {
      if (/^upgrade:/im.test(head.toString())) socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
    socket.once('end', () => onEnd(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  return { server, url: `http://127.0.0.1:${address.port}` };
}

const upgrade = (start: string, ...lines: readonly string[]) => rawAnswer(broker.port, requestText([start, 'Host: localhost', ...UPGRADE, ...lines]));
const lastLine = () => broker.logger.lines.findLast(({ message }) => message === 'exchange')?.fields;

describe('a WebSocket through a native door', () => {
  test('comes to the consumer with its own headers, and back with ours', async () => {
    await start();
    const client = connect('/comfyui/ws?clientId=a%2Fb', { headers: { 'User-Agent': 'x', Origin: `http://127.0.0.1:${broker.port}`, 'X-Forwarded-For': '6.6.6.6' } });
    const [answer] = await once(client, 'upgrade');
    expect(answer.headers).toMatchObject({ 'x-consumer': 'comfyui', 'x-request-id': expect.any(String), connection: 'Upgrade', upgrade: 'websocket' });
    expect(client.protocol).toBe('b');
    const [seen] = consumer.upgrades;
    expect([seen?.url, seen?.headers.host]).toEqual(['/ws?clientId=a%2Fb', new URL(consumer.url).host]);
    expect(seen?.headers).toMatchObject({ 'user-agent': 'x', 'x-forwarded-for': '127.0.0.1', 'sec-websocket-protocol': 'a,b' });
    expect(Object.keys(seen?.headers ?? {})).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(origin|content-length|transfer-encoding)$/)]));
  });

  test('passes messages both ways, each to its own end', async () => {
    await start();
    const one = await joined();
    const two = await joined('/upstream/comfyui/ws');
    for (const { client, server } of [one, two, one]) {
      const [up, down] = [nextMessage(server), nextMessage(client)];
      client.send('up');
      server.send(Buffer.from([0, 255]));
      expect([(await up).toString(), await down]).toEqual(['up', Buffer.from([0, 255])]);
    }
  });

  test('passes large messages whole', async () => {
    await start();
    const { client, server } = await joined();
    const large = Buffer.alloc(20 * 1024 * 1024, 'mgpu');
    const [up, down] = [nextMessage(server), nextMessage(client)];
    client.send(large);
    server.send(large);
    expect([large.equals(await up), large.equals(await down)]).toEqual([true, true]);
  });

  test('takes no more from one end than the other takes', async () => {
    await start();
    const { client, server } = await joined();
    client.pause();
    const chunk = Buffer.alloc(1024 * 1024);
    for (let index = 0; index < 40; index += 1) server.send(chunk);
    let before = -1;
    // It stops to shrink when all buffers on the way are full.
    await until(() => {
      const isStill = server.bufferedAmount === before;
      before = server.bufferedAmount;
      return isStill;
    });
    expect(server.bufferedAmount).toBeGreaterThan(20 * chunk.length);
    client.resume();
    await until(() => server.bufferedAmount === 0);
  });

  test('passes pings and the codes of a close, from either end', async () => {
    await start();
    const one = await joined();
    const pong = once(one.client, 'pong');
    one.client.ping('x');
    expect(String((await pong)[0])).toBe('x');
    const atServer = closeCode(one.server);
    one.client.close(4001);
    expect(await atServer).toBe(4001);
    const two = await joined();
    const atClient = closeCode(two.client);
    two.server.close(4002);
    expect(await atClient).toBe(4002);
  });

  test('ends at one end when the other dies', async () => {
    await start();
    const one = await joined();
    const atServer = closeCode(one.server);
    one.client.terminate();
    expect(await atServer).toBe(1006);
    const two = await joined();
    const atClient = closeCode(two.client);
    two.server.terminate();
    expect(await atClient).toBe(1006);
  });

  test('loses no byte that came together with either head', async () => {
    await start();
    fake.on('GET /ws', async (exchange) => {
      await exchange.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nearly');
      exchange.fin();
    });
    const client = await RawClient.open(broker.port);
    client.send(requestText(['GET /upstream/raw/ws HTTP/1.1', 'Host: localhost', ...UPGRADE], 'early too'));
    expect(await client.head()).toMatchObject({ status: 101 });
    expect(await client.rest()).toBe('early');
    client.socket.end();
    await client.closed;
    await until(() => lastLine()?.['path'] === '/upstream/raw/ws');
    expect(lastLine()).toMatchObject({ status: 101, bytes_in: 9, bytes_out: 5, kind: 'native', consumer: 'raw', error: undefined });
  });

  test('may be silent for longer than any exchange', async () => {
    await start({ timeouts: { first_byte: '50ms', idle: '50ms', client_idle: '50ms' } });
    fake.on('GET /ws', (exchange) => exchange.never());
    const { client, server } = await joined();
    // Each takes one of these limits.
    for (const path of ['/ws?1', '/ws?2', '/ws?3']) expect((await upgrade(`GET /upstream/raw${path} HTTP/1.1`)).status).toBe(504);
    const message = nextMessage(client);
    server.send('still here');
    expect((await message).toString()).toBe('still here');
    client.close();
    await until(() => lastLine()?.['path'] === '/comfyui/ws');
    expect(lastLine()).toMatchObject({ status: 101, cut: undefined, error: undefined });
  });

  test('ends though the consumer does not end its side', async () => {
    const { server, url } = await halfOpen(() => undefined);
    await start({ timeouts: { client_idle: '50ms' } }, { url });
    const client = await RawClient.open(broker.port);
    client.send(requestText(['GET /comfyui/gated HTTP/1.1', 'Host: localhost', ...UPGRADE]));
    expect(await client.head()).toMatchObject({ status: 101 });
    expect(broker.daemon.gate.statistics.running).toBe(1);
    client.socket.end();
    await broker.running(0);
    server.close();
  });

  test('still passes on what the consumer says to a client that has said all', async () => {
    const { server, url } = await halfOpen((socket) => socket.end('goodbye'));
    await start({}, { url });
    const client = await RawClient.open(broker.port);
    client.send(requestText(['GET /comfyui/ws HTTP/1.1', 'Host: localhost', ...UPGRADE]));
    expect(await client.head()).toMatchObject({ status: 101 });
    client.socket.end();
    expect(await client.rest()).toBe('goodbye');
    server.close();
  });

  test('takes no lease where gpu_paths does not name it', async () => {
    await start();
    await joined();
    const { status } = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    expect([status, broker.daemon.gate.statistics.running]).toEqual([200, 0]);
  });

  test('that is gated holds the card until it is closed', async () => {
    await start();
    const { client } = await joined('/comfyui/gated');
    expect(broker.daemon.gate.statistics.running).toBe(1);
    const waiting = connect('/comfyui/gated');
    await broker.waiting(1);
    client.close();
    await once(waiting, 'open');
    expect(consumer.sockets).toHaveLength(2);
    // As a WebSocket's client asks: there is no body.
    expect(consumer.upgrades.map(({ headers }) => headers['content-length'])).toEqual([undefined, undefined]);
    waiting.terminate();
    await broker.running(0);
  });

  test('that waits for the card gives its place up when its client leaves', async () => {
    await start();
    await joined('/comfyui/gated');
    const killed = connect('/comfyui/gated');
    const leaving = await RawClient.open(broker.port);
    leaving.send(requestText(['GET /comfyui/gated HTTP/1.1', 'Host: localhost', ...UPGRADE]));
    await broker.waiting(2);
    killed.terminate();
    await broker.waiting(1);
    leaving.socket.end();
    await broker.waiting(0);
    expect(consumer.sockets).toHaveLength(1);
  });
});

describe('an upgrade that the consumer does not make', () => {
  test('is answered as the consumer answers', async () => {
    await start();
    fake.on('GET /ws', (exchange) => exchange.send(403, 'no', { 'X-Own': 'yes' }));
    expect(await upgrade('GET /upstream/raw/ws HTTP/1.1')).toMatchObject({ status: 403, body: 'no', headers: { 'x-own': 'yes', connection: 'close', 'x-consumer': 'raw' } });
  });

  test('is answered whole, however long the answer is', async () => {
    await start();
    const large = 'x'.repeat(8 * 1024 * 1024);
    fake.on('GET /ws', (exchange) => exchange.send(200, large));
    const answer = await upgrade('GET /upstream/raw/ws HTTP/1.1');
    expect([answer.status, answer.body.length]).toEqual([200, large.length]);
  });

  test('ends the lease with its answer', async () => {
    await start();
    fake.on('GET /gated', (exchange) => exchange.send(404, ''));
    expect((await upgrade('GET /upstream/raw/gated HTTP/1.1')).status).toBe(404);
    await broker.running(0);
  });

  const broke = [502, 'consumer_unreachable'] as const;
  test.each([
    ['refuses the connection', broke, () => fake.refuse()],
    ['breaks off', broke, () => fake.on('GET /ws', (exchange) => exchange.rst())],
    ['says nothing', [504, 'consumer_timeout'] as const, () => fake.on('GET /ws', (exchange) => exchange.never())],
    ['switches to something else', broke, () => fake.on('GET /ws', (exchange) => exchange.write('HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n'))],
    ['answers in a head that cannot be passed on', broke, () => fake.on('GET /ws', (exchange) => exchange.write('HTTP/1.1 200 \x01\r\nContent-Length: 0\r\n\r\n'))],
  ])('as it %s', async (_what, refusal, prepare) => {
    await start({ timeouts: { first_byte: '100ms' } });
    prepare();
    const answer = await upgrade('GET /upstream/raw/ws HTTP/1.1');
    expect([answer.status, JSON.parse(answer.body).error]).toEqual(refusal);
    expect(answer.headers['connection']).toBe('close');
  });

  test('is cut where its answer breaks off', async () => {
    await start();
    fake.on('GET /ws', async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin');
      exchange.rst();
    });
    await expect(upgrade('GET /upstream/raw/ws HTTP/1.1')).rejects.toThrow(/cut|not a whole answer/);
    await until(() => lastLine()?.['path'] === '/upstream/raw/ws');
    expect(lastLine()).toMatchObject({ cut: 'consumer broke off' });
  });

  test('is given up when its client leaves', async () => {
    await start();
    fake.on('GET /gated', (exchange) => exchange.never());
    const client = await RawClient.open(broker.port);
    client.send(requestText(['GET /upstream/raw/gated HTTP/1.1', 'Host: localhost', ...UPGRADE]));
    const asked = await fake.waitFor(({ path }) => path === '/gated');
    expect(broker.daemon.gate.statistics.running).toBe(1);
    client.reset();
    await broker.running(0);
    await until(() => asked.aborted === true);
  });
});

describe('an upgrade is refused', () => {
  const codes = async (start: string, ...lines: readonly string[]): Promise<readonly unknown[]> => {
    const { status, body, headers } = await upgrade(start, ...lines);
    return [status, JSON.parse(body).error, headers['connection']];
  };
  afterEach(() => expect(fake.requests.filter(({ path }) => path !== '/health')).toEqual([]));

  test('to one who may not connect', async () => {
    await start({ access: { allow: ['10.0.0.0/8'] } });
    expect(await codes('GET /upstream/raw/ws HTTP/1.1')).toEqual([403, 'forbidden', 'close']);
  });

  test('to the page of another origin, and under another name', async () => {
    await start();
    expect(await codes('GET /upstream/raw/ws HTTP/1.1', 'Origin: http://evil.example')).toEqual([403, 'forbidden', 'close']);
    const misdirected = await rawAnswer(broker.port, requestText(['GET /upstream/raw/ws HTTP/1.1', 'Host: evil.example', ...UPGRADE]));
    expect([misdirected.status, JSON.parse(misdirected.body).error]).toEqual([421, 'misdirected_request']);
  });

  test('at a door with nobody behind it, or a trap in its path', async () => {
    await start();
    expect(await codes('GET /upstream/nobody/ws HTTP/1.1')).toEqual([404, 'unknown_consumer', 'close']);
    expect(await codes('GET /ollama/ws HTTP/1.1')).toEqual([501, 'no_consumer', 'close']);
    expect(await codes('GET /upstream/raw/%2e%2e/ws HTTP/1.1')).toEqual([400, 'bad_request', 'close']);
  });

  test('with another method, version or protocol', async () => {
    await start();
    expect(await codes('POST /upstream/raw/ws HTTP/1.1')).toEqual([426, 'upgrade_refused', 'close']);
    expect(await codes('GET /upstream/raw/ws HTTP/1.0')).toEqual([426, 'upgrade_refused', 'close']);
    const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
    const answer = await rawAnswer(broker.port, requestText(['GET /upstream/raw/ws HTTP/1.1', 'Host: localhost', ...h2c]));
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([426, 'upgrade_refused']);
  });

  test('with a body, of which nothing is taken for a request', async () => {
    await start();
    const smuggled = requestText(['GET /upstream/raw/x HTTP/1.1', 'Host: localhost']).toString();
    for (const framing of [`Content-Length: ${smuggled.length}`, 'Transfer-Encoding: chunked']) {
      const answers = await rawAnswers(broker.port, requestText(['GET /upstream/raw/ws HTTP/1.1', 'Host: localhost', ...UPGRADE, framing], smuggled));
      expect(answers.map(({ status }) => status)).toEqual([400]);
    }
  });

  test('on any other path', async () => {
    await start();
    for (const path of ['/', '/v1/tts', '/ws', '/upstream', '/audio/x']) expect(await codes(`GET ${path} HTTP/1.1`)).toEqual([426, 'upgrade_refused', 'close']);
  });

});

test('an upgrade behind a request that is not answered yet is cut together with that', async () => {
  await start({ routing: { tts: 'raw' } });
  fake.on('POST /work', (exchange) => exchange.never());
  const client = await RawClient.open(broker.port);
  client.send(requestText(['POST /v1/tts HTTP/1.1', 'Host: localhost', 'Content-Length: 0']));
  await broker.running(1);
  client.send(requestText(['GET /upstream/raw/ws HTTP/1.1', 'Host: localhost', ...UPGRADE]));
  expect(await client.rest()).toBe('');
  await client.closed;
  await broker.running(0);
  expect(fake.requests.filter(({ path }) => path === '/ws')).toEqual([]);
});

describe('a shutdown', () => {
  test('is not held up by an open WebSocket, which lives until the last work has ended', async () => {
    await start({ routing: { tts: 'raw' } });
    const { client, server } = await joined();
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const running = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    const stopped = broker.daemon.stop(60_000);
    expect((await upgrade('GET /comfyui/ws HTTP/1.1')).status).toBe(503);
    const progress = nextMessage(client);
    server.send('90 %');
    expect((await progress).toString()).toBe('90 %');
    const closed = [closeCode(client), closeCode(server)];
    held.resolve();
    expect((await running.ended).status).toBe(200);
    await stopped;
    expect(await Promise.all(closed)).toEqual([1006, 1006]);
  });

  test('waits for one that holds the card, and cuts it after the grace', async () => {
    await start();
    const { client, server } = await joined('/comfyui/gated');
    const closed = closeCode(client);
    const stopped = broker.daemon.stop(200);
    const progress = nextMessage(client);
    server.send('still here');
    expect((await progress).toString()).toBe('still here');
    await stopped;
    expect(await closed).toBe(1006);
    await broker.running(0);
  });
});

test('a WebSocket outlives a reload that takes its consumer out', async () => {
  await start();
  const { client, server } = await joined();
  broker.reload({ consumers: { raw: { fake } } });
  const message = nextMessage(client);
  server.send('still here');
  expect((await message).toString()).toBe('still here');
});
