import { afterEach, describe, expect, test } from '@jest/globals';
import { startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');
/** What the buffers of two connections on loopback may hold together; the kernel lets one grow to 6 MiB. */
const BUFFERS = 32 * 1024 * 1024;

let broker: Broker;
let server: FakeConsumer;
afterEach(() => broker.stop());

const OPEN: Settings = { gpu_paths: ['POST /prompt'] };

async function start(timeouts: Settings = {}, own: Settings = {}): Promise<void> {
  server = await FakeConsumer.start();
  server.on('POST /upload', async (exchange) => exchange.json(200, { bytes: (await exchange.readBody()).length }), { gpu: false });
  broker = await startBroker({ consumers: { server: { fake: server, settings: { ...OPEN, ...own } } }, settings: { timeouts } });
}

const upload = () => openUpload(`${broker.url}/upstream/server/upload`);

describe('a body that streams past the gate', () => {
  test('may take longer than the consumer may take for its answer, as long as bytes come', async () => {
    await start({ first_byte: '150ms' });
    let had = 0;
    server.on('POST /upload', async (exchange) => {
      while ((await exchange.readBody(1)).length > 0) had += 1;
      await exchange.json(200, { had });
    }, { gpu: false });
    const slow = upload();
    const startedAt = performance.now();
    // Each piece is sent when the consumer has had the one before, until the limit has long passed.
    for (let sent = 1; performance.now() - startedAt < 400; sent += 1) {
      slow.request.write('x');
      await until(() => had === sent);
    }
    slow.request.end();
    expect((await slow.ended).body).toBe(JSON.stringify({ had }));
  });

  test.each(['close', 'close_stream', 'finish'])('that stops is the client\u2019s fault, and ends at the consumer too, whatever becomes of work whose client leaves (%s)', async (clientGone) => {
    await start({ client_idle: '100ms' }, { client_gone: clientGone });
    const stalled = upload();
    stalled.request.write('x');
    const answer = await stalled.ended;
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([408, 'request_timeout']);
    const request = await server.waitFor(({ path }) => path === '/upload');
    await until(() => request.aborted === true);
  });

  test('that the consumer takes slowly is not the client\u2019s fault', async () => {
    await start({ client_idle: '1s' });
    const gate = Promise.withResolvers<void>();
    server.on('POST /upload', async (exchange) => {
      await gate.promise;
      await exchange.json(200, { bytes: (await exchange.readBody()).length });
    }, { gpu: false });
    const large = openRequest({ url: `${broker.url}/upstream/server/upload`, method: 'POST', body: Buffer.alloc(32 * 1024 * 1024) });
    await server.waitFor(({ path }) => path === '/upload');
    // Another one is cut for its idleness in the meantime.
    const stalled = upload();
    stalled.request.write('x');
    expect((await stalled.ended).status).toBe(408);
    gate.resolve();
    expect((await large.ended).body).toBe(JSON.stringify({ bytes: 32 * 1024 * 1024 }));
  });
});

test('a body for a consumer that takes none of it is held up, and not kept in our memory', async () => {
  await start();
  const left = Promise.withResolvers<void>();
  server.on('POST /upload', async (exchange) => {
    await left.promise;
    await exchange.readBody();
  }, { gpu: false });
  const client = await RawClient.open(broker.port);
  client.send(`POST /upstream/server/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${4 * BUFFERS}\r\n\r\n`);
  const { socket } = client;
  const fill = (): void => {
    while (socket.bytesWritten < 4 * BUFFERS && socket.write(PIECE));
  };
  socket.on('drain', fill);
  fill();
  const sent = (): number => socket.bytesWritten - socket.writableLength;
  let [before, looks] = [0, 0];
  await until(() => {
    looks = sent() === before ? looks + 1 : 0;
    before = sent();
    return before > PIECE.length && looks > 20;
  });
  expect(sent()).toBeLessThan(BUFFERS);
  client.reset();
  left.resolve();
  await server.waitFor(({ path, aborted }) => path === '/upload' && aborted === true);
});

test('a reload that takes out the consumer lets it finish', async () => {
  await start();
  const other = await FakeConsumer.start();
  const going = upload();
  going.request.write('x');
  await server.waitFor(({ path }) => path === '/upload');
  broker.reload({ consumers: { other: { fake: other } } });
  await until(() => broker.daemon.registry.everyone().every(({ name }) => name === 'other'));
  going.request.end('y');
  expect((await going.ended).body).toBe('{"bytes":2}');
  await other.stop();
});
