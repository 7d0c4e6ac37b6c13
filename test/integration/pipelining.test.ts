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
  fake = await simpleConsumer();
  held = Promise.withResolvers();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.delay(held.promise);
    await exchange.json(200, {});
  });
  broker = await startBroker({ consumers: { one: { fake } } });
});
afterEach(async () => {
  held.resolve();
  await broker.stop();
});

/** More than the buffers on the way to a client that cannot be answered yet. */
const LARGE = Buffer.alloc(2 * 1024 * 1024, 'x');
const POST = 'POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}';

describe('requests sent one upon the other on a connection', () => {
  test('take one place in the queue at a time: the others begin when their turn to be answered has come', async () => {
    const other = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    const client = await RawClient.open(broker.port);
    client.send(POST.repeat(10));
    await broker.waiting(1);
    const second = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.waiting(2);
    held.resolve();
    for (let count = 0; count < 10; count += 1) expect((await client.answer())?.status).toBe(200);
    expect([(await other.ended).status, (await second.ended).status]).toEqual([200, 200]);
    client.socket.destroy();
  });

  test('do not wait for each other: an urgent one behind a patient one would hold the card for an answer that cannot leave', async () => {
    const urgent = await simpleConsumer();
    urgent.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.send(200, LARGE);
    });
    broker.reload({
      consumers: { one: { fake, settings: { priority: 0 } }, urgent: { fake: urgent, settings: { priority: 4 } } },
      settings: { routing: { tts: 'one', llm: 'urgent' } },
    });
    const other = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    const client = await RawClient.open(broker.port);
    client.send(POST + POST.replace('tts', 'llm'));
    await broker.waiting(1);
    held.resolve();
    expect((await other.ended).status).toBe(200);
    expect((await client.answer())?.body).toBe('{}');
    expect((await client.answer())?.body).toHaveLength(LARGE.length);
    client.socket.destroy();
    await urgent.stop();
  });

  test.each(['FIN', 'RST'])('leave no trace when their client leaves (%s)', async (way) => {
    const client = await RawClient.open(broker.port);
    client.send(POST.repeat(5));
    await broker.running(1);
    if (way === 'FIN') client.socket.destroy();
    else client.reset();
    await broker.running(0);
    await broker.waiting(0);
    expect(fake.jobs).toHaveLength(1);
  });

  test('are served up to a hundred behind one that waits; a client that sends more is cut, and nothing of it is kept', async () => {
    const [patient, flood] = [await RawClient.open(broker.port), await RawClient.open(broker.port)];
    patient.send(POST + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
    await broker.running(1);
    flood.send(POST + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(102));
    await flood.closed;
    await broker.waiting(0);
    held.resolve();
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < 101; count += 1) statuses.push((await patient.answer())?.status);
    expect(statuses).toEqual(Array(101).fill(200));
    patient.socket.destroy();
  });

  test('hold up no shutdown when their client has left', async () => {
    const client = await RawClient.open(broker.port);
    client.send(POST.repeat(5));
    await broker.running(1);
    client.reset();
    await broker.running(0);
    const startedAt = performance.now();
    await broker.daemon.stop(30_000);
    expect(performance.now() - startedAt).toBeLessThan(4000);
  });
});
