import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';

let broker: Broker;
let fake: FakeConsumer;
let held: PromiseWithResolvers<void>;
beforeEach(async () => {
  held = Promise.withResolvers();
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } } });
});
afterEach(() => broker.stop());

async function send(bytes: string): Promise<RawClient> {
  const client = await RawClient.open(broker.port);
  client.send(bytes);
  return client;
}

const post = () => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });

/** Of a request that waits for 100 Continue: the status of the first answer to its headers. */
async function firstStatus(...lines: readonly string[]): Promise<number | undefined> {
  const client = await send(['POST /v1/tts HTTP/1.1', 'Expect: 100-continue', ...lines, '', ''].join('\r\n'));
  const head = await client.head();
  client.socket.destroy();
  return head?.status;
}

function hold(): void {
  fake.on('POST /work', async (exchange) => {
    await exchange.delay(held.promise);
    await exchange.json(200, {});
  });
}

describe('a client that waits for 100 Continue', () => {
  test.each([
    ['its body is too large', 413, ['Host: localhost', 'Content-Length: 99999999999']],
    ['a page of another site sent it', 403, ['Host: localhost', 'Content-Length: 2', 'Origin: http://evil.example']],
    ['it is meant for another host', 421, ['Host: evil.example', 'Content-Length: 2']],
    ['its length is in doubt', 400, ['Host: localhost', 'Content-Length: 2', 'Transfer-Encoding: gzip, chunked']],
  ])('is refused at once when %s', async (_why, status, lines) => {
    expect(await firstStatus(...lines)).toBe(status);
  });

  test('is refused at once when the queue is full', async () => {
    hold();
    broker.reload({ consumers: { one: { fake } }, settings: { queue: { max_waiting: 1 } } });
    const others = [post(), post()];
    await broker.running(1);
    await broker.waiting(1);
    expect(await firstStatus('Host: localhost', 'Content-Length: 2')).toBe(429);
    held.resolve();
    for (const { ended } of others) expect((await ended).status).toBe(200);
  });

  test('is told to go on while the card is taken, so that its body is in when its turn comes', async () => {
    hold();
    const other = post();
    await broker.running(1);
    const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    expect((await client.head())?.status).toBe(100);
    expect(broker.daemon.gate.statistics.waiting).toBe(0);
    client.send('{}');
    await broker.waiting(1);
    held.resolve();
    expect((await client.answer())?.status).toBe(200);
    expect((await other.ended).status).toBe(200);
    client.socket.destroy();
  });

  test('and says so in HTTP/1.0, which knows no interim answers, is sent none', async () => {
    const client = await send('POST /v1/tts HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}');
    expect((await client.head())?.status).toBe(200);
    client.socket.destroy();
  });

  test('and leaves instead leaves nothing behind', async () => {
    const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    expect((await client.head())?.status).toBe(100);
    client.reset();
    await broker.waiting(0);
    expect(fake.jobs).toHaveLength(0);
  });
});

test('a client that expects what nobody knows is served all the same', async () => {
  const client = await send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nExpect: the-moon\r\nContent-Length: 2\r\n\r\n{}');
  expect((await client.answer())?.status).toBe(200);
  client.socket.destroy();
});

test('a client of HTTP/1.0 may keep its connection when the length is known', async () => {
  const client = await RawClient.open(broker.port);
  for (let round = 0; round < 2; round += 1) {
    client.send('POST /v1/tts HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}');
    expect((await client.answer())?.body).toBe('{"done":true}');
  }
  client.socket.destroy();
});
