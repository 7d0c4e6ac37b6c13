import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');
/** What the buffers of two connections on loopback may hold together; the kernel lets one grow to 6 MiB. */
const BUFFERS = 32 * 1024 * 1024;

let broker: Broker;
let fake: FakeConsumer;
let sent: number;
afterEach(() => broker.stop());

/** A consumer that sends `bytes` as fast as they are taken. */
async function start({ bytes, timeouts = {} }: { bytes: number; timeouts?: Settings }): Promise<void> {
  sent = 0;
  fake = await simpleConsumer();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
    await exchange.drip(pieces(bytes), () => Promise.resolve());
    if (sent < bytes) await exchange.never();
  });
  broker = await startBroker({ consumers: { one: { fake, settings: { timeouts } } } });
}

function* pieces(bytes: number): Generator<Buffer> {
  for (; sent < bytes; sent += PIECE.length) yield PIECE;
}

/** A client that asks and reads nothing but what the test reads. */
async function ask(): Promise<RawClient> {
  const client = await RawClient.open(broker.port);
  client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
  expect((await client.head())?.status).toBe(200);
  return client;
}

/** Resolves when the consumer has been stopped by its peer, who takes no more: not one piece goes for many looks. */
async function stalled(): Promise<number> {
  let before = 0;
  let looks = 0;
  await until(() => {
    looks = sent === before ? looks + 1 : 0;
    before = sent;
    return sent > 0 && looks > 20;
  });
  return sent;
}

describe('an answer that its client takes slowly', () => {
  test('holds the consumer up instead of filling our memory', async () => {
    await start({ bytes: 1024 * PIECE.length * 16 });
    const client = await ask();
    expect(await stalled()).toBeLessThan(BUFFERS);
    client.socket.destroy();
    await until(() => fake.jobs[0]?.aborted === true);
    await broker.running(0);
  });

  test('goes on when the client does, and arrives whole', async () => {
    const bytes = PIECE.length * 640;
    await start({ bytes });
    const client = await ask();
    await stalled();
    let received = 0;
    while (received < bytes) received += (await client.read(1 << 20)).length;
    expect(received).toBe(bytes);
    await broker.running(0);
    client.socket.destroy();
  });

  test('or not at all is cut at timeouts.client_idle, and the card goes to the next', async () => {
    await start({ bytes: 1024 * PIECE.length * 16, timeouts: { client_idle: '900ms', idle: '300ms' } });
    const client = await ask();
    client.socket.pause();
    await until(() => fake.jobs[0]?.aborted === true);
    await until(() => broker.logger.lines.some(({ fields }) => fields?.['cut'] === 'client idle'));
    fake.on('POST /work', (exchange) => exchange.json(200, {}));
    expect((await openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} }).ended).status).toBe(200);
    client.socket.destroy();
  });
});
