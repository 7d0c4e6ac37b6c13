import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { untilAsked } from '../support/until.ts';

const HOOKS: Settings = { load: { path: '/load' }, unload: { path: '/unload' } };
const LAZY: Settings = { unload: { path: '/unload' } };

let card: FakeCard;
let tts: FakeConsumer;
let stt: FakeConsumer;
let image: FakeConsumer;
let broker: Broker;

beforeEach(async () => {
  card = fakeCard({ totalMib: 16376 });
  const share = cardShares(card);
  tts = await simpleConsumer({ loadedMib: 2800, unloadedMib: 9, memory: share('tts') });
  stt = await simpleConsumer({ loadedMib: 1500, memory: share('stt') });
  image = await simpleConsumer({ loadedMib: 12500, unloadedMib: 400, loaded: false, memory: share('image') });
  image.on('POST /work', async (exchange) => {
    await exchange.readBody();
    if (stt.loaded && tts.loaded) return exchange.json(500, { error: 'CUDA out of memory' });
    image.residency.setLoaded(true);
    await exchange.json(200, { done: true });
  });
});
afterEach(() => broker.stop());

async function start(settings: { tts?: Settings; stt?: Settings; image?: Settings; all?: Settings } = {}): Promise<void> {
  broker = await startBroker({
    card,
    consumers: {
      tts: { fake: tts, settings: { ...HOOKS, vram_resident_mib: 2800, ...settings.tts } },
      stt: { fake: stt, settings: { ...HOOKS, vram_resident_mib: 1500, ...settings.stt } },
      image: { fake: image, settings: { ...LAZY, vram_resident_mib: 12500, ...settings.image } },
    },
    settings: { routing: { tts: 'tts', stt: 'stt', image: 'image' }, ...settings.all },
  });
}

const post = (kind: string) => request({ url: `${broker.url}/v1/${kind}`, method: 'POST', body: {} });
const residencies = async () => Object.fromEntries((await broker.status()).consumers.map(({ name, residency }) => [name, residency]));

describe('eviction', () => {
  test('unloads the least recently used until the target fits, and no more', async () => {
    await start();
    await post('tts');
    const plan = await request({ url: `${broker.url}/v1/plan?kind=image` });
    expect(JSON.parse(plan.body)).toMatchObject({ plan: 'evict', consumer: 'image', required_mib: 12756, targets: [{ consumer: 'stt', frees_mib: 1500 }] });
    const answer = await post('image');
    expect(answer.status).toBe(200);
    expect(answer.headers['server-timing']).toMatch(/^queue;dur=[\d.]+, evict;dur=[\d.]+, upstream;dur=[\d.]+$/);
    expect(await residencies()).toEqual({ image: 'resident', stt: 'absent', tts: 'resident' });
    expect((await broker.status()).scheduler.evictions).toBe(1);
  });

  test('loads an evicted consumer again when it is wanted, once for all who wait', async () => {
    await start();
    await post('image');
    const answers = await Promise.all([post('stt'), post('stt'), post('stt')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(stt.requests.filter(({ path }) => path === '/load')).toHaveLength(1);
    expect(answers[0]?.headers['server-timing']).toMatch(/evict;dur=[\d.]+, load;dur=[\d.]+/);
    expect(tts.loaded).toBe(false);
    expect(image.loaded).toBe(true);
  });

  test('unloads one again that has loaded itself behind our back', async () => {
    await start();
    const unloads = () => stt.requests.filter(({ path }) => path === '/unload').length;
    expect((await request({ url: `${broker.url}/v1/consumers/stt/unload`, method: 'POST' })).status).toBe(200);
    expect([stt.loaded, (await residencies())['stt'], unloads()]).toEqual([false, 'absent', 1]);
    stt.residency.setLoaded(true);
    stt.residency.health = { status: 200, body: { loaded: true } };
    await untilAsked(async () => (await residencies())['stt'] === 'resident');
    await post('tts');
    stt.residency.health = { status: 200, body: {} };
    expect((await post('image')).status).toBe(200);
    expect([stt.loaded, unloads()]).toEqual([false, 2]);
  });

  test('never unloads a consumer that still works', async () => {
    // Without tts's memory it is not enough, so that the plan has to wait for stt.
    await start({ all: { gpu: { concurrency: 2 } }, tts: { vram_managed: true } });
    const held = Promise.withResolvers<void>();
    stt.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const working = openRequest({ url: `${broker.url}/v1/stt`, method: 'POST', body: {} });
    await broker.running(1);
    const waiting = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    await broker.waiting(1);
    const plan = await request({ url: `${broker.url}/v1/plan?kind=image` });
    expect(JSON.parse(plan.body)).toMatchObject({ plan: 'wait', busy: ['stt'], targets: [] });
    expect(stt.loaded).toBe(true);
    held.resolve();
    expect((await working.ended).status).toBe(200);
    expect((await waiting.ended).status).toBe(200);
  });

  test('sees the memory free before the next request is sent, however late that is', async () => {
    await start({ all: { eviction: { settle_timeout: '5s' } } });
    const freed = Promise.withResolvers<void>();
    stt.residency.unload = { effectAfter: freed.promise };
    await post('tts');
    const waiting = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    await stt.waitFor(({ path }) => path === '/unload');
    expect(image.jobs).toHaveLength(0);
    freed.resolve();
    expect((await waiting.ended).status).toBe(200);
  });

  test('takes the next candidate when a hook lies', async () => {
    await start({ all: { eviction: { settle_timeout: '200ms' } } });
    await post('tts');
    stt.residency.unload = 'lie';
    expect((await post('image')).status).toBe(200);
    expect(await residencies()).toEqual({ image: 'resident', stt: 'unknown', tts: 'absent' });
    expect(broker.logger.lines.some(({ message }) => message === 'unloaded, but its memory was not seen free')).toBe(true);
  });

  test('says eviction_failed when every hook fails', async () => {
    await start();
    stt.residency.unload = 'error';
    tts.residency.unload = 'error';
    const answer = await post('image');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'eviction_failed', retryable: true, consumer: 'image' });
    expect(image.jobs).toHaveLength(0);
  });

  test('names the foreign process that holds the memory', async () => {
    card.hold('game', 6000, 1);
    await start();
    const answer = await post('image');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: 'insufficient_vram',
      retryable: true,
      required_mib: 12756,
      free_mib: 16376 - 6000 - 2800 - 1500 - 400,
      holders: expect.arrayContaining([expect.objectContaining({ pid: 1, name: 'game', mib: 6000 })]),
    });
    expect(stt.loaded && tts.loaded).toBe(true);
  });

  test('says at once what can never fit on this card', async () => {
    await start({ image: { vram_resident_mib: 16300 } });
    const answer = await post('image');
    expect(answer.status).toBe(507);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'insufficient_vram', retryable: false, required_mib: 16556 });
  });

  test('goes by the declared footprints when the card cannot be read', async () => {
    card.setMode('echo "No devices were found"; exit 6');
    await start();
    expect((await broker.status()).gpu.err).toMatch(/No devices were found.*declared footprints/);
    expect((await post('image')).status).toBe(200);
    expect(await residencies()).toMatchObject({ image: 'resident' });
    expect(stt.loaded && tts.loaded).toBe(false);
  });

  test('reports a load hook that fails, and loads again the next time', async () => {
    await start();
    await post('image');
    stt.residency.load = 'error';
    const answer = await post('stt');
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'load_failed', consumer: 'stt', retryable: true });
    expect((await residencies())['stt']).toBe('unknown');
    stt.residency.load = 'ok';
    expect((await post('stt')).status).toBe(200);
  });
});

describe('residency by hand', () => {
  const byHand = (name: string, action: string) => request({ url: `${broker.url}/v1/consumers/${name}/${action}`, method: 'POST' });

  test('unloads and loads, and says what is so', async () => {
    await start();
    expect(JSON.parse((await byHand('tts', 'unload')).body)).toEqual({ consumer: 'tts', residency: 'absent' });
    expect(tts.loaded).toBe(false);
    expect(JSON.parse((await byHand('tts', 'load')).body)).toEqual({ consumer: 'tts', residency: 'resident' });
    expect(tts.loaded).toBe(true);
  });

  test('never cuts running work', async () => {
    await start();
    const held = Promise.withResolvers<void>();
    tts.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const working = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    const unloading = byHand('tts', 'unload');
    await broker.waiting(1);
    expect(tts.loaded).toBe(true);
    held.resolve();
    expect((await working.ended).complete).toBe(true);
    expect((await unloading).status).toBe(200);
  });

  test('is refused for a consumer without such a hook', async () => {
    await start();
    const answer = await byHand('image', 'load');
    expect(answer.status).toBe(409);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'no_hook', consumer: 'image' });
  });
});
