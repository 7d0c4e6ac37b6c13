import { afterEach, describe, expect, test } from '@jest/globals';
import { BUCKETS, METRICS } from '../../lib/metrics/catalogue.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { finished, granted, unloaded } from '../support/occurrences.ts';
import { Scrape } from '../support/scrape.ts';
import { until, untilAsked } from '../support/until.ts';

const MIB = 2 ** 20;

let broker: Broker;
let fakes: Record<string, FakeConsumer>;
afterEach(() => broker.stop());

async function start(...names: readonly string[]): Promise<void> {
  fakes = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await simpleConsumer()] as const)));
  broker = await startBroker({ consumers: consumersOf(names) });
}

const consumersOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, { fake: fakeOf(name) }]));

function fakeOf(name: string): FakeConsumer {
  const fake = fakes[name];
  if (fake === undefined) throw new Error(`no consumer ${name}`);
  return fake;
}

async function scrape(): Promise<Scrape> {
  const answer = await request({ url: `${broker.url}/metrics` });
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return new Scrape(answer.body);
}

describe('a scrape shows', () => {
  test('every metric of the catalogue, each with its type and help', async () => {
    await start('mvoice');
    const { families } = await scrape();
    const shown = families.map(({ name, type, help }) => ({ name, type: type.toLowerCase(), help }));
    for (const { name, type, help } of Object.values(METRICS)) expect(shown).toContainEqual({ name, type, help });
    expect(families.map(({ name }) => name)).toEqual(expect.arrayContaining(['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']));
  });

  test('what is counted of events', async () => {
    await start('mvoice', 'llm');
    const { events } = broker.daemon;
    const before = await scrape();
    events.note(granted());
    events.note(finished());
    events.note(finished({ evict_ms: 500, load_ms: 430 }));
    events.note(finished({ status: 429, error: 'queue_full', queue_ms: null, upstream_ms: null }));
    events.note(finished({ cut: 'client left', upstream_ms: null }));
    events.note(unloaded());
    events.note(unloaded({ result: 'failed', reason: 'hand', freed_mib: null, hook_ms: null, settle_ms: null, error: 'no' }));
    events.note({ type: 'loaded', consumer: 'llm', request: 'r', result: 'ready', load_ms: 3000, error: null });
    events.note({ type: 'config', result: 'refused', problem: 'x' });
    const after = await scrape();
    const labels = { kind: 'tts', consumer: 'mvoice' };
    const risen = (name: string, of: Record<string, string>): number => (after.value(name, of) ?? 0) - (before.value(name, of) ?? 0);
    expect([risen('mgpu_requests_total', { ...labels, code: '2xx' }), risen('mgpu_requests_total', { ...labels, code: 'queue_full' })]).toEqual([3, 1]);
    expect([after.value('mgpu_queue_wait_seconds_count', labels), after.value('mgpu_queue_wait_seconds_sum', labels)]).toEqual([1, 0.02]);
    expect(after.value('mgpu_request_duration_seconds_count', { ...labels, outcome: 'ok' })).toBe(2);
    expect(after.value('mgpu_request_duration_seconds_count', { ...labels, outcome: 'rejected' })).toBe(1);
    expect(after.value('mgpu_request_duration_seconds_count', { ...labels, outcome: 'client_left' })).toBe(1);
    expect(after.value('mgpu_time_to_first_byte_seconds_sum', { ...labels, cold: 'false' })).toBeCloseTo(0.05);
    expect(after.value('mgpu_time_to_first_byte_seconds_sum', { ...labels, cold: 'true' })).toBeCloseTo(0.98);
    expect(risen('mgpu_requests_rejected_total', { reason: 'queue_full' })).toBe(1);
    expect(risen('mgpu_client_disconnects_total', { phase: 'running' })).toBe(1);
    expect(after.value('mgpu_evictions_total', { victim: 'mvoice', reason: 'room', result: 'freed' })).toBe(1);
    expect(after.value('mgpu_evictions_total', { victim: 'mvoice', reason: 'hand', result: 'failed' })).toBe(1);
    expect([after.value('mgpu_eviction_duration_seconds_count', { victim: 'mvoice' }), after.value('mgpu_eviction_duration_seconds_sum', { victim: 'mvoice' })]).toEqual([1, 2.5]);
    expect(after.value('mgpu_eviction_freed_bytes_total', { victim: 'mvoice' })).toBe(1024 * MIB);
    expect(after.value('mgpu_model_loads_total', { consumer: 'llm', result: 'ready' })).toBe(1);
    expect(after.value('mgpu_model_load_duration_seconds_sum', { consumer: 'llm' })).toBe(3);
    expect(after.value('mgpu_config_reloads_total', { result: 'refused' })).toBe(1);
    expect(risen('mgpu_events_total', { type: 'unloaded' })).toBe(2);
  });

  test('who waits, who runs, and for how long the card was held', async () => {
    await start('mvoice');
    let free = (): void => undefined;
    const freed = new Promise<void>((resolve) => (free = resolve));
    fakeOf('mvoice').on('POST /work', async (exchange) => {
      await exchange.readBody();
      await freed;
      await exchange.json(200, {});
    });
    const open = [1, 2, 3].map(() => openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} }));
    await broker.running(1);
    await broker.waiting(2);
    const busy = await scrape();
    const consumer = 'mvoice';
    expect([busy.value('mgpu_requests_running', { consumer }), busy.value('mgpu_requests_waiting', { consumer })]).toEqual([1, 2]);
    expect(busy.value('mgpu_queue_oldest_wait_seconds')).toBeGreaterThan(0);
    free();
    await Promise.all(open.map(({ ended }) => ended));
    await broker.running(0);
    const idle = await scrape();
    expect([idle.value('mgpu_requests_running', { consumer }), idle.value('mgpu_requests_waiting', { consumer })]).toEqual([0, 0]);
    expect(idle.value('mgpu_queue_oldest_wait_seconds')).toBe(0);
    expect(idle.value('mgpu_run_seconds_count', { kind: 'tts', consumer })).toBe(3);
  });

  test('the card, and the consumers on it', async () => {
    await start('mvoice', 'llm');
    fakeOf('llm').refuse();
    await until(() => broker.daemon.registry.current('llm')?.health.state === 'unhealthy' && broker.daemon.registry.current('mvoice')?.health.state === 'healthy');
    const now = await scrape();
    const [card] = now.series('mgpu_gpu_info');
    const uuid = String(card?.labels?.['uuid']);
    expect(now.value('mgpu_gpu_memory_total_bytes', { uuid })).toBe(16_376 * MIB);
    expect(now.value('mgpu_gpu_memory_free_bytes', { uuid })).toBeGreaterThan(0);
    expect(now.value('mgpu_gpu_readable')).toBe(1);
    expect([now.value('mgpu_consumer_up', { consumer: 'mvoice' }), now.value('mgpu_consumer_up', { consumer: 'llm' })]).toEqual([1, 0]);
    expect(now.value('mgpu_consumer_residency', { consumer: 'mvoice', state: 'resident' })).toBe(1);
    expect(now.value('mgpu_consumer_residency', { consumer: 'mvoice', state: 'absent' })).toBe(0);
    expect(now.value('mgpu_probes_total', { consumer: 'llm', result: 'refused' })).toBeGreaterThan(0);
    expect(now.value('mgpu_probes_total', { consumer: 'mvoice', result: 'good' })).toBeGreaterThan(0);
    expect(now.value('mgpu_consumer_probe_duration_seconds', { consumer: 'mvoice' })).toBeGreaterThan(0);
  });

  test('who watches the events: nobody, or each open stream', async () => {
    await start('mvoice');
    const watching = async (): Promise<number | null> => (await scrape()).value('mgpu_event_watchers');
    expect([await watching(), (await scrape()).value('mgpu_event_buffer_overflows_total')]).toEqual([0, 0]);
    const streams = [1, 2].map(() => openRequest({ url: `${broker.url}/v1/events` }));
    await untilAsked(async () => (await watching()) === 2);
    for (const stream of streams) stream.abort();
    await untilAsked(async () => (await watching()) === 0);
  });

  test('what has not happened yet as 0, so that the first of it is seen as a rise', async () => {
    fakes = { mvoice: await simpleConsumer(), bare: await simpleConsumer() };
    const settings = { load: { path: '/load' }, unload: { path: '/unload' } };
    broker = await startBroker({ consumers: { mvoice: { fake: fakeOf('mvoice'), settings }, bare: { fake: fakeOf('bare') } } });
    const now = await scrape();
    expect(now.value('mgpu_evictions_total', { victim: 'mvoice', reason: 'room', result: 'failed' })).toBe(0);
    expect(now.value('mgpu_model_loads_total', { consumer: 'mvoice', result: 'failed' })).toBe(0);
    expect(now.value('mgpu_config_reloads_total', { result: 'refused' })).toBe(0);
    expect(now.value('mgpu_requests_rejected_total', { reason: 'insufficient_vram' })).toBe(0);
    expect(now.value('mgpu_client_disconnects_total', { phase: 'waiting' })).toBe(0);
    expect([...now.series('mgpu_evictions_total'), ...now.series('mgpu_model_loads_total')].filter(({ labels }) => Object.values(labels ?? {}).includes('bare'))).toEqual([]);
  });

  test('buckets of all histograms from 10 ms to 327.68 s', async () => {
    await start('mvoice');
    broker.daemon.events.note(granted());
    const bounds = (await scrape()).series('mgpu_queue_wait_seconds_bucket').map(({ labels }) => labels?.['le']);
    expect(bounds).toEqual([...BUCKETS.map(String), '+Inf']);
    expect([BUCKETS[0], BUCKETS.at(-1)]).toEqual([0.01, 327.68]);
  });
});

describe('a consumer that a reload has taken out', () => {
  test('has no series any more, and makes none', async () => {
    await start('mvoice', 'llm');
    const { events } = broker.daemon;
    events.note(finished({ consumer: 'llm' }));
    events.note(unloaded({ consumer: 'llm' }));
    expect((await scrape()).labelValues('consumer')).toContain('llm');
    broker.reload({ consumers: consumersOf(['mvoice']) });
    events.note(finished({ consumer: 'llm', queue_ms: 7 }));
    const after = await scrape();
    expect([after.labelValues('consumer'), after.labelValues('victim')]).not.toEqual(expect.arrayContaining([expect.arrayContaining(['llm'])]));
    expect(after.value('mgpu_requests_total', { kind: 'tts', consumer: 'other', code: '2xx' })).toBe(1);
  });

  test('leaves no series behind that were there before the first scrape', async () => {
    await start('mvoice', 'llm');
    broker.daemon.events.note(finished({ consumer: 'llm' }));
    broker.reload({ consumers: consumersOf(['mvoice']) });
    expect((await scrape()).labelValues('consumer')).not.toContain('llm');
  });
});

describe('a card that cannot be read', () => {
  test('has no numbers but its configured size', async () => {
    fakes = { mvoice: await simpleConsumer() };
    broker = await startBroker({ consumers: consumersOf(['mvoice']), card: null });
    const now = await scrape();
    expect(now.value('mgpu_gpu_readable')).toBe(0);
    expect([now.series('mgpu_gpu_memory_free_bytes'), now.series('mgpu_gpu_memory_foreign_bytes')]).toEqual([[], []]);
    expect(now.value('mgpu_gpu_memory_total_bytes', { uuid: 'unknown' })).toBe(16_376 * MIB);
  });
});

test('many that ask at once get the same answer', async () => {
  await start('mvoice');
  const { events } = broker.daemon;
  for (let count = 0; count < 50; count++) events.note(finished());
  const scrapes = await Promise.all(Array.from({ length: 20 }, scrape));
  const values = scrapes.map((each) => each.value('mgpu_requests_total', { kind: 'tts', consumer: 'mvoice', code: '2xx' }));
  expect(new Set(values)).toEqual(new Set([50]));
});

test('HEAD is answered too, and POST is not', async () => {
  await start('mvoice');
  expect((await request({ url: `${broker.url}/metrics`, method: 'HEAD' })).status).toBe(200);
  expect((await request({ url: `${broker.url}/metrics`, method: 'POST' })).status).toBe(405);
});
