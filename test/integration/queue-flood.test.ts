import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const CLIENTS = 2000;
const PLACES = 500;
/** All clients are programs of this machine. */
const SETTINGS = { queue: { max_waiting: PLACES, max_waiting_per_client: PLACES }, limits: { connections: 2 * CLIENTS } };
/** A status takes a few ms; much more is a loop that is held up. */
const QUICK_MS = 500;

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
  broker = await startBroker({ consumers: { one: { fake } }, settings: SETTINGS });
});
afterEach(async () => {
  held.resolve();
  await broker.stop();
});

/** Connects and asks for work; reads nothing until told to. */
async function client(): Promise<RawClient> {
  const each = await RawClient.open(broker.port);
  each.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
  return each;
}

async function statusTakes(): Promise<number> {
  const startedAt = performance.now();
  expect((await broker.status()).scheduler.in_flight).toBe(1);
  return performance.now() - startedAt;
}

describe('more clients than places', () => {
  test('fill exactly the places; the others are refused, the status stays quick, and when all leave nothing is left', async () => {
    const first = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    const clients: RawClient[] = [];
    while (clients.length < CLIENTS) clients.push(...(await Promise.all(Array.from({ length: 100 }, client))));
    const refused = await Promise.all(clients.slice(PLACES).map((each) => each.answer()));
    expect(new Set(refused.map((answer) => answer?.status))).toEqual(new Set([429]));
    expect(new Set(refused.map((answer) => answer?.headers['retry-after']))).toEqual(new Set(['1']));
    expect(broker.daemon.gate.statistics).toMatchObject({ waiting: PLACES, running: 1 });
    expect(await statusTakes()).toBeLessThan(QUICK_MS);
    for (const each of clients) each.reset();
    await broker.waiting(0);
    expect(await statusTakes()).toBeLessThan(QUICK_MS);
    held.resolve();
    expect((await first.ended).status).toBe(200);
    expect(fake.jobs).toHaveLength(1);
  }, 30_000);

  test('are all served in the end when they ask again after a refusal', async () => {
    held.resolve();
    broker.reload({ consumers: { one: { fake } }, settings: { queue: { max_waiting: 5 } } });
    const ask = async (): Promise<number> => {
      for (;;) {
        const { status } = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
        if (status !== 429) return status;
      }
    };
    const statuses = await Promise.all(Array.from({ length: 60 }, ask));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(fake.peakActive).toBe(1);
    expect(fake.jobs).toHaveLength(60);
  });
});

describe('a storm of clients that leave at the worst moment', () => {
  test('of the grant: the card goes on to the next, and the consumer is asked for nobody who has left', async () => {
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
    });
    const rounds = 300;
    let answered = 0;
    const clients = Array.from({ length: rounds }, async (_, index) => {
      const each = await client();
      // Some leave before, some around, some after their turn, which comes with the answers of those before them.
      await until(() => answered >= index - 2 - (index % 5));
      if (index % 2 === 0) each.reset();
      else if ((await each.answer())?.status === 200) each.socket.destroy();
      answered += 1;
    });
    await Promise.all(clients);
    await broker.waiting(0);
    await broker.running(0);
    expect(fake.peakActive).toBe(1);
    expect(fake.jobs.length).toBeGreaterThanOrEqual(rounds / 2);
    expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
  });
});
