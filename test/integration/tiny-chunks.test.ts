import { afterEach, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';

let broker: Broker;
let fake: FakeConsumer;
afterEach(() => broker.stop());

async function start(settings: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings });
}

const HEAD = 'POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
const count = 200_000;
const letters = Array.from({ length: count }, (_, index) => String.fromCharCode(97 + (index % 26)));
const chunks = letters.map((letter) => `1\r\n${letter}\r\n`).join('');

test('a body in chunks of one byte arrives whole, and others are served meanwhile', async () => {
  await start();
  const client = await RawClient.open(broker.port);
  client.send(HEAD + chunks.slice(0, chunks.length / 2));
  expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
  client.send(`${chunks.slice(chunks.length / 2)}0\r\n\r\n`);
  expect((await client.answer())?.status).toBe(200);
  expect(fake.jobs[1]?.headers['content-length']).toBe(String(count));
  expect(fake.jobs[1]?.body?.toString()).toBe(letters.join(''));
  client.socket.destroy();
});

test('a body in chunks of one byte, without end, is refused at limits.body', async () => {
  await start({ limits: { body: '100KiB' } });
  const client = await RawClient.open(broker.port);
  client.send(HEAD + chunks);
  expect((await client.answer())?.status).toBe(413);
  client.socket.destroy();
  expect(fake.jobs).toHaveLength(0);
});
