import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload } from '../support/http.ts';
import { openSpoolFiles } from '../support/open-files.ts';
import { until } from '../support/until.ts';

const LARGE = Buffer.alloc(300_000, 'x');

let broker: Broker;
let fake: FakeConsumer;
let held: PromiseWithResolvers<void>;
beforeEach(async () => {
  held = Promise.withResolvers();
  fake = await simpleConsumer();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.delay(held.promise);
    await exchange.json(200, {});
  });
  broker = await startBroker({ consumers: { one: { fake } }, settings: { limits: { body: '1MiB' } } });
});
afterEach(() => broker.stop());

const post = (body: Buffer = LARGE) => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body });
const nothingLeft = () => until(() => openSpoolFiles() === 0 && broker.daemon.spooledBytes === 0);

describe('the file of a large body is closed', () => {
  test('when it has been sent and answered', async () => {
    const sent = post();
    await broker.running(1);
    expect(openSpoolFiles() + broker.daemon.spooledBytes).toBeGreaterThan(0);
    held.resolve();
    expect((await sent.ended).status).toBe(200);
    await nothingLeft();
  });

  test('when its client leaves the queue', async () => {
    const first = post(Buffer.from('{}'));
    await broker.running(1);
    const waiting = Array.from({ length: 5 }, () => post());
    await broker.waiting(5);
    expect(openSpoolFiles()).toBe(5);
    for (const each of waiting) each.abort();
    await broker.waiting(0);
    await nothingLeft();
    held.resolve();
    expect((await first.ended).status).toBe(200);
    expect(fake.jobs).toHaveLength(1);
  });

  test('when its client leaves in its middle', async () => {
    const sent = openUpload(`${broker.url}/v1/tts`);
    sent.request.write(LARGE);
    await until(() => openSpoolFiles() === 1);
    sent.abort();
    await nothingLeft();
  });

  test('when it turns out to be too large', async () => {
    const sent = openUpload(`${broker.url}/v1/tts`);
    sent.request.write(Buffer.alloc(2 * 1024 * 1024));
    expect((await sent.ended).status).toBe(413);
    await nothingLeft();
  });

  test('when the consumer breaks off, or was never reached', async () => {
    fake.on('POST /work', (exchange) => exchange.rst());
    expect((await post().ended).status).toBe(502);
    await nothingLeft();
    broker.reload({ consumers: { one: { fake } }, settings: { health: { interval: '1h' } } });
    fake.refuse();
    expect((await post().ended).status).toBeGreaterThanOrEqual(502);
    await nothingLeft();
  });
});
