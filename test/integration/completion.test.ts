import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { openRequest, request } from '../support/http.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';

let broker: Broker;
afterEach(() => broker.stop());

const BUSY: Settings = { busy: { path: '/prompt', pointer: '/exec_info/queue_remaining' } };

/** Answers at once and works on until `finish()`, as ComfyUI does. */
async function comfy(): Promise<{ fake: FakeConsumer; finish(): void }> {
  const fake = await simpleConsumer();
  let remaining = 0;
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    remaining += 1;
    await exchange.json(200, { prompt_id: '1' });
  });
  fake.on('GET /prompt', (exchange) => exchange.json(200, { exec_info: { queue_remaining: remaining } }));
  return { fake, finish: () => (remaining = 0) };
}

describe('a consumer that answers at once and works on', () => {
  test('keeps the lease until it says that it is idle', async () => {
    const image = await comfy();
    const tts = await simpleConsumer();
    broker = await startBroker({
      consumers: { image: { fake: image.fake, settings: BUSY }, tts: { fake: tts } },
      settings: { routing: { image: 'image', tts: 'tts' } },
    });
    expect((await request({ url: `${broker.url}/v1/image`, method: 'POST', body: {} })).status).toBe(200);
    const next = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.waiting(1);
    const polls = image.fake.requests.length;
    await image.fake.waitFor((each) => each.path === '/prompt' && image.fake.requests.indexOf(each) >= polls);
    expect(tts.jobs).toHaveLength(0);
    expect((await broker.status()).scheduler).toMatchObject({ in_flight: 1, queue_depth: 1 });
    image.finish();
    expect((await next.ended).status).toBe(200);
  });

  test('loses the lease when nobody listens there any more', async () => {
    const image = await comfy();
    broker = await startBroker({ consumers: { image: { fake: image.fake, settings: BUSY } } });
    await request({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    await broker.running(1);
    image.fake.refuse();
    await broker.running(0);
  });

  test('loses the lease at busy.timeout, with a log line', async () => {
    const image = await comfy();
    broker = await startBroker({ consumers: { image: { fake: image.fake, settings: { busy: { ...Object(BUSY['busy']), timeout: '150ms' } } } } });
    await request({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    await broker.running(0);
    expect(broker.logger.lines.some(({ level, message }) => level === 'error' && message === 'still busy, but the lease ends')).toBe(true);
  });

  test('holds the lease even though its client left in the middle', async () => {
    const image = await comfy();
    const { fake } = image;
    fake.on('POST /work', (exchange) => exchange.never());
    fake.on('GET /prompt', (exchange) => exchange.json(200, { exec_info: { queue_remaining: 1 } }));
    broker = await startBroker({ consumers: { image: { fake, settings: BUSY } } });
    const open = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    open.ended.catch(() => undefined);
    await fake.waitFor(1);
    open.abort();
    await fake.waitFor(({ path }) => path === '/prompt');
    expect(broker.daemon.gate.statistics.running).toBe(1);
    fake.on('GET /prompt', (exchange) => exchange.json(200, { exec_info: { queue_remaining: 0 } }));
    await broker.running(0);
  });
});
