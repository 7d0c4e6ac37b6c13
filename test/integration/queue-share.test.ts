import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';

const SHARE = 3;

let broker: Broker;
let fake: FakeConsumer;
let held: PromiseWithResolvers<void>;
let open: OpenRequest[];
beforeEach(async () => {
  open = [];
  held = Promise.withResolvers();
  fake = await simpleConsumer();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.delay(held.promise);
    await exchange.json(200, {});
  });
  const settings = { queue: { max_waiting: 10, max_waiting_per_client: SHARE }, models: { m: { consumer: 'one' } } };
  broker = await startBroker({ consumers: { one: { fake, settings: { gpu_paths: ['POST /*'] } } }, settings });
  ask('first');
  await broker.running(1);
});
afterEach(async () => {
  held.resolve();
  for (const each of open) await each.ended;
  await broker.stop();
});

const headersOf = (user: string | null) => (user === null ? {} : { 'x-openwebui-user-id': user });

/** Asks for work as Open WebUI on this machine does, for one of its users; null: for nobody. */
function ask(user: string | null): OpenRequest {
  const each = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {}, headers: headersOf(user) });
  open.push(each);
  return each;
}

/** Takes the whole share. */
async function fill(user: string | null): Promise<void> {
  const { waiting } = broker.daemon.gate.statistics;
  for (let count = 0; count < SHARE; count += 1) ask(user);
  await broker.waiting(waiting + SHARE);
}

describe('one client among several', () => {
  test('gets its share of the queue and no more; the others get theirs', async () => {
    await fill('one');
    const refused = await ask('one').ended;
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    expect(JSON.parse(refused.body)).toMatchObject({ error: 'queue_share_full', retryable: true });
    await fill('two');
    await fill(null);
    expect((await ask(null).ended).body).toContain('queue_share_full');
    expect(broker.daemon.gate.statistics.waiting).toBe(3 * SHARE);
  });

  test('may ask again when its requests have been served', async () => {
    await fill('one');
    expect((await ask('one').ended).status).toBe(429);
    held.resolve();
    for (const each of open.slice(0, -1)) expect((await each.ended).status).toBe(200);
    expect((await ask('one').ended).status).toBe(200);
  });

  test('may ask again when it has left', async () => {
    await fill('one');
    for (const each of open.splice(1)) each.abort();
    await broker.waiting(0);
    await fill('one');
  });

  test('is refused before it uploads', async () => {
    await fill('one');
    const client = await RawClient.open(broker.port);
    client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nX-OpenWebUI-User-Id: one\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.head())?.status).toBe(429);
    client.reset();
  });

  test('is told by its address where it has no name', async () => {
    await fill(null);
    const client = await RawClient.open(broker.port, { localAddress: '127.0.0.2' });
    client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
    await broker.waiting(SHARE + 1);
    client.reset();
    await broker.waiting(SHARE);
  });

  test('is told to try again in the form of the API that it speaks', async () => {
    await fill('one');
    const url = `${broker.url}/v1/chat/completions`;
    const { status, headers, body } = await request({ url, method: 'POST', body: { model: 'm', messages: [] }, headers: headersOf('one') });
    expect([status, headers['x-should-retry'], headers['retry-after-ms']]).toEqual([429, 'true', '1000']);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'queue_share_full', type: 'rate_limit_error' } });
  });

  test('takes a lease by hand out of its share, too', async () => {
    await fill('one');
    const answer = await request({ url: `${broker.url}/v1/leases`, method: 'POST', body: { kind: 'tts' }, headers: headersOf('one') });
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([429, 'queue_share_full']);
  });
});
