import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { openSpoolFiles } from '../support/open-files.ts';
import { until } from '../support/until.ts';

/** More than all buffers of a connection hold together. */
const LARGE = Buffer.alloc(24 * 1024 * 1024, 'x');

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } } });
});
afterEach(async () => {
  await until(() => openSpoolFiles() === 0);
  await broker.stop();
});

const post = (body: Buffer) => request({ url: `${broker.url}/v1/tts`, method: 'POST', body });

describe('a consumer that answers before it has read the request', () => {
  test.each([
    ['and reads no more', LARGE],
    ['and reads no more of a small one', Buffer.from('{"text":"hi"}')],
  ])('%s: the answer is delivered, and the card is free', async (_what, body) => {
    fake.on('POST /work', async (exchange) => {
      await exchange.json(413, { error: 'too large for me' });
      exchange.fin();
    });
    const answer = await post(body);
    expect([answer.status, answer.body, answer.complete]).toEqual([413, '{"error":"too large for me"}', true]);
    await broker.running(0);
    await until(() => broker.daemon.spooledBytes === 0);
    fake.on('POST /work', (exchange) => exchange.json(200, {}));
    expect((await post(Buffer.from('{}'))).status).toBe(200);
  });

  test('and reads the rest later: the connection stays good for the next request', async () => {
    fake.on('POST /work', async (exchange) => {
      await exchange.json(200, { early: true });
      await exchange.readBody();
    });
    for (let round = 0; round < 3; round += 1) expect((await post(LARGE.subarray(0, 300_000))).body).toBe('{"early":true}');
    expect(fake.peakActive).toBe(1);
  });
});
