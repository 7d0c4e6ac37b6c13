import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { untilAsked } from '../support/until.ts';

/** What the image server works on that did not come through the broker. */
let remaining: number;
let broker: Broker;
let image: FakeConsumer;
let llm: FakeConsumer;
let tts: FakeConsumer;

/** A card on which the image server and the language model do not fit together; the small one always does. */
beforeEach(async () => {
  remaining = 0;
  const card = fakeCard({ totalMib: 10_000 });
  const share = cardShares(card);
  image = await simpleConsumer({ loadedMib: 7000, memory: share('image') });
  llm = await simpleConsumer({ loaded: false, loadedMib: 6000, memory: share('llm') });
  tts = await simpleConsumer({ loadedMib: 500, memory: share('tts') });
  image.on('GET /queue', (exchange) => exchange.json(200, { remaining }));
  const hooks = { load: { path: '/load' }, unload: { path: '/unload' } };
  broker = await startBroker({
    card,
    consumers: {
      image: { fake: image, settings: { ...hooks, vram_resident_mib: 7000, busy: { path: '/queue', pointer: '/remaining' } } },
      llm: { fake: llm, settings: { ...hooks, vram_resident_mib: 6000 } },
      tts: { fake: tts, settings: { vram_resident_mib: 500 } },
    },
    settings: { routing: { image: 'image', llm: 'llm', tts: 'tts', stt: 'tts' } },
  });
  llm.residency.health = { status: 200, body: { loaded: false } };
  await untilAsked(async () => (await stateOf('llm'))?.residency === 'absent');
});
afterEach(() => broker.stop());

async function stateOf(name: string) {
  return (await broker.status()).consumers.find((each) => each.name === name);
}

function ask(kind: string) {
  return openRequest({ url: `${broker.url}/v1/${kind}`, method: 'POST', body: {} });
}

function unloads(): number {
  return image.requests.filter(({ path }) => path === '/unload').length;
}

describe('a job that did not come through the broker', () => {
  test('is not unloaded under; whoever needs the memory waits for its end, and holds up nobody else', async () => {
    remaining = 1;
    await untilAsked(async () => (await stateOf('image'))?.external_work === true);
    const big = ask('llm');
    await broker.waiting(1);
    // Both come through while the other waits.
    expect((await ask('tts').ended).status).toBe(200);
    expect((await ask('tts').ended).status).toBe(200);
    expect(unloads()).toBe(0);
    expect(JSON.parse((await request({ url: `${broker.url}/v1/plan?kind=llm` })).body)).toMatchObject({ plan: 'wait', busy: ['image'] });
    remaining = 0;
    llm.residency.health = { status: 200, body: {} };
    expect((await big.ended).status).toBe(200);
    expect(unloads()).toBe(1);
  });

  test('that began since the last probe is found by asking before the unload', async () => {
    let asked = 0;
    image.on('GET /queue', async (exchange) => {
      asked += 1;
      // The probes see nothing; only the question before the unload does.
      await exchange.json(200, { remaining: broker.daemon.gate.statistics.waiting > 0 ? remaining : 0 });
    });
    remaining = 1;
    const before = asked;
    const big = ask('llm');
    await broker.waiting(1);
    await untilAsked(async () => (await stateOf('image'))?.external_work === true);
    expect(asked).toBeGreaterThan(before);
    expect(unloads()).toBe(0);
    remaining = 0;
    llm.residency.health = { status: 200, body: {} };
    expect((await big.ended).status).toBe(200);
  });

  test('is not cut by unloading by hand either, and a client that gives up waiting is forgotten', async () => {
    remaining = 1;
    const unloading = openRequest({ url: `${broker.url}/v1/consumers/image/unload`, method: 'POST' });
    unloading.ended.catch(() => undefined);
    await untilAsked(async () => (await stateOf('image'))?.external_work === true);
    expect((await ask('tts').ended).status).toBe(200);
    expect(unloads()).toBe(0);
    unloading.abort();
    await broker.waiting(0);
    const again = openRequest({ url: `${broker.url}/v1/consumers/image/unload`, method: 'POST' });
    await broker.waiting(1);
    remaining = 0;
    expect((await again.ended).status).toBe(200);
    expect(unloads()).toBe(1);
  });
});
