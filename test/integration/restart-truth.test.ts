import { afterEach, expect, test } from '@jest/globals';
import { ALL_KINDS, simpleConsumer } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import { request } from '../support/http.ts';
import { ServeProcess } from '../support/serve-process.ts';
import { until } from '../support/until.ts';

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

test.each(['unload', 'load'] as const)('a daemon that was killed in the middle of an %s comes back, finds out what is so, and serves', async (during) => {
  const card = fakeCard({ totalMib: 10_000 });
  const share = cardShares(card);
  const [one, two] = [await simpleConsumer({ loadedMib: 6000, memory: share('one') }), await simpleConsumer({ loaded: false, loadedMib: 6000, memory: share('two') })];
  const settings = { paths: ALL_KINDS, vram_resident_mib: 6000, load: { path: '/load' }, unload: { path: '/unload' }, residency: { path: '/ps', items: '/models' } };
  for (const fake of [one, two]) fake.on('GET /ps', (exchange) => exchange.json(200, { models: fake.loaded ? ['m'] : [] }));
  const config = {
    listen: '127.0.0.1:0',
    // However slow the machine is, nobody is given up in this test.
    health: { interval: '1h', timeout: '10s' },
    eviction: { settle_timeout: '1m' },
    routing: { tts: 'one', llm: 'two' },
    consumers: { one: { url: one.url, ...settings }, two: { url: two.url, ...settings } },
  };
  const held = Promise.withResolvers<void>();
  if (during === 'unload') one.residency.unload = { effectAfter: held.promise };
  else two.residency.load = { effectAfter: held.promise };
  const start = async (): Promise<string> => {
    serving = new ServeProcess({ config, env: card.env });
    await serving.ready();
    return String((await serving.line(({ message }) => message === 'listening'))['url']);
  };
  const lost = request({ url: `${await start()}/v1/llm`, method: 'POST', body: {} });
  lost.catch(() => undefined);
  await (during === 'unload' ? one : two).waitFor(({ path, endedAt }) => path === `/${during}` && endedAt !== undefined);
  serving?.child.kill('SIGKILL');
  await serving?.exit();
  await expect(lost).rejects.toThrow(/./);
  // What was begun ends, with nobody there who would be told.
  held.resolve();
  await until(() => (during === 'unload' ? !one.loaded : two.loaded));
  const url = await start();
  for (const kind of ['llm', 'tts', 'llm']) expect((await request({ url: `${url}/v1/${kind}`, method: 'POST', body: {} })).status).toBe(200);
  const hooks = [one, two].flatMap((fake) => fake.requests.filter(({ path }) => path === '/load' || path === '/unload')).map(({ path }) => path);
  // One of each for each change of the three that were needed, and none more.
  expect(hooks.toSorted()).toEqual(['/load', '/load', '/load', '/unload', '/unload', '/unload']);
  expect(card.memory.usedMib()).toBe(6000);
  for (const fake of [one, two]) await fake.stop();
  card.cleanup();
});
