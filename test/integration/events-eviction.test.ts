import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { EventReader } from '../support/event-reader.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { until } from '../support/until.ts';

const HOOKS: Settings = { load: { path: '/load' }, unload: { path: '/unload' } };
const STORY = 'request_waiting,request_granted,request_finished,unloading,unloaded,loading,loaded,residency';

let llm: FakeConsumer;
let image: FakeConsumer;
let broker: Broker;
let reader: EventReader;

/** Two that do not fit beside each other; the first is loaded. */
async function start(settings: Settings = {}): Promise<void> {
  const card = fakeCard({ totalMib: 16376 });
  const share = cardShares(card);
  llm = await simpleConsumer({ loadedMib: 9000, unloadedMib: 200, memory: share('llm') });
  image = await simpleConsumer({ loadedMib: 12_000, loaded: false, memory: share('image') });
  for (const fake of [llm, image]) fake.on('GET /health', (exchange) => exchange.json(200, { loaded: fake.loaded }));
  broker = await startBroker({
    card,
    consumers: {
      llm: { fake: llm, settings: { ...HOOKS, vram_resident_mib: 9000, ...settings } },
      image: { fake: image, settings: { ...HOOKS, vram_resident_mib: 12_000 } },
    },
    settings: { routing: { llm: 'llm', image: 'image' } },
  });
  await until(() => broker.daemon.registry.current('image')?.residency === 'absent');
  reader = await EventReader.open(`${broker.url}/v1/events?types=${STORY}`);
  await reader.found('snapshot');
}
beforeEach(() => start());
afterEach(async () => {
  reader.leave();
  await broker.stop();
});

const post = (path: string, id: string) => request({ url: broker.url + path, method: 'POST', body: {}, headers: { 'X-Request-Id': id } });
const lines = (): unknown[] => reader.events.slice(1).map(({ event, data }) => [event, data['consumer'], ...(event === 'residency' ? [data['to']] : [])]);

describe('who watches an eviction', () => {
  test('sees who waits, who is thrown out for it and why, what that freed, and how it ends', async () => {
    expect((await post('/v1/image', 'picture')).status).toBe(200);
    await reader.found('request_finished');
    expect(lines()).toEqual([
      ['request_waiting', 'image'],
      ['unloading', 'llm'],
      ['residency', 'llm', 'unloading'],
      ['residency', 'llm', 'absent'],
      ['unloaded', 'llm'],
      ['loading', 'image'],
      ['residency', 'image', 'loading'],
      ['residency', 'image', 'resident'],
      ['loaded', 'image'],
      ['request_granted', 'image'],
      ['request_finished', 'image'],
    ]);
    const why = { for: 'image', request: 'picture', reason: 'room', explanation: expect.stringContaining('llm'), expected_mib: 9000 };
    expect(reader.of('unloading')).toMatchObject([why]);
    expect(reader.of('unloaded')).toMatchObject([{ ...why, result: 'freed', freed_mib: 8800, hook_ms: expect.any(Number), settle_ms: expect.any(Number), error: null }]);
    expect(reader.of('loaded')).toMatchObject([{ request: 'picture', result: 'ready', load_ms: expect.any(Number) }]);
    const [granted, finished] = [reader.of('request_granted')[0], reader.of('request_finished')[0]];
    expect(granted).toMatchObject({ request: 'picture', kind: 'image', evict_ms: expect.any(Number), load_ms: expect.any(Number) });
    expect(finished).toMatchObject({ request: 'picture', status: 200, queue_ms: granted?.['queue_ms'], evict_ms: granted?.['evict_ms'], load_ms: granted?.['load_ms'] });
  });

  test('sees that a hook failed, and what became of the request', async () => {
    llm.residency.unload = 'error';
    await post('/v1/image', 'picture');
    await reader.found('request_finished');
    expect(reader.of('unloaded')).toMatchObject([{ consumer: 'llm', result: 'failed', freed_mib: null, error: 'POST /unload answered 500' }]);
    expect(reader.of('request_finished')).toMatchObject([{ request: 'picture', status: 503, error: 'eviction_failed' }]);
    expect(reader.of('request_granted')).toEqual([]);
  });
});

describe('an unloading', () => {
  test('by hand says so, and who asked', async () => {
    await post('/v1/consumers/llm/unload', 'me');
    const finished = await reader.found('request_finished');
    expect(reader.of('unloaded')).toMatchObject([{ consumer: 'llm', for: null, request: 'me', reason: 'hand', explanation: null, result: 'freed' }]);
    expect(finished).toMatchObject({ kind: 'unload', consumer: 'llm', request: 'me', path: '/v1/consumers/llm/unload', status: 200, client: expect.stringMatching(/^peer /) });
  });

  test('of what left the configuration says so', async () => {
    broker.reload({ consumers: { image: { fake: image, settings: { ...HOOKS, vram_resident_mib: 12_000 } } } });
    await reader.found('unloaded');
    expect(reader.of('unloaded')).toMatchObject([{ consumer: 'llm (retired)', for: null, request: 'reload', reason: 'reload', result: 'freed' }]);
  });

  test('of what idles says so', async () => {
    reader.leave();
    await broker.stop();
    await start({ idle_unload: '100ms' });
    await reader.found('unloaded');
    expect(reader.of('unloaded')).toMatchObject([{ consumer: 'llm', for: null, request: 'idle', reason: 'idle', result: 'freed' }]);
  });
});
