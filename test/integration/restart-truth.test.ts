import { afterEach, expect, test } from '@jest/globals';
import { ALL_KINDS, simpleConsumer } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import { request } from '../support/http.ts';
import { ServeProcess } from '../support/serve-process.ts';

let serving: ServeProcess | null = null;
afterEach(() => {
  serving?.child.kill('SIGKILL');
  serving = null;
});

test('a daemon that was killed comes back knowing what is loaded before its first grant, and unloads only what it must', async () => {
  const card = fakeCard({ totalMib: 10_000 });
  const share = cardShares(card);
  // Lazy, so that without looking it would be taken for absent; it says itself what it holds.
  const image = await simpleConsumer({ loadedMib: 6000, memory: share('image') });
  image.on('GET /stats', (exchange) => exchange.json(200, { vram: image.loaded ? 6000 * 1024 * 1024 : 0 }));
  const tts = await simpleConsumer({ loadedMib: 1000, memory: share('tts') });
  const llm = await simpleConsumer({ loaded: false, loadedMib: 5000, memory: share('llm') });
  llm.on('GET /ps', (exchange) => exchange.json(200, { models: llm.loaded ? ['m'] : [] }));
  const hooks = { load: { path: '/load' }, unload: { path: '/unload' } };
  const config = {
    listen: '127.0.0.1:0',
    // Nobody is probed a second time in this test.
    health: { interval: '1h' },
    routing: { llm: 'llm', image: 'image', tts: 'tts' },
    consumers: {
      image: { url: image.url, paths: ALL_KINDS, vram_resident_mib: 6000, unload: { path: '/unload' }, residency: { path: '/stats', bytes: '/vram' } },
      tts: { url: tts.url, paths: ALL_KINDS, vram_resident_mib: 1000, ...hooks },
      llm: { url: llm.url, paths: ALL_KINDS, vram_resident_mib: 5000, ...hooks, residency: { path: '/ps', items: '/models' } },
    },
  };
  const unloads = (): string[] => Object.entries({ image, tts, llm }).flatMap(([name, { requests }]) => requests.filter(({ path }) => path === '/unload').map(() => name));
  for (const kind of ['llm', 'image', 'tts']) {
    serving = new ServeProcess({ config, env: card.env });
    await serving.ready();
    const { url } = await serving.line(({ message }) => message === 'listening');
    const answer = await request({ url: `${String(url)}/v1/${kind}`, method: 'POST', body: {} });
    expect([kind, answer.status]).toEqual([kind, 200]);
    // As a real server would load on its first use.
    if (kind === 'image') image.residency.setLoaded(true);
    serving.child.kill('SIGKILL');
  }
  // For the language model the images had to go, for the images the language model; speech never.
  expect(unloads()).toEqual(['image', 'llm']);
  expect(card.memory.usedMib()).toBe(7000);
  for (const fake of [image, tts, llm]) await fake.stop();
  card.cleanup();
});
