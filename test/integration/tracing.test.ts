import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { Collector } from '../support/collector.ts';
import type { CollectedSpan } from '../support/collector.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { until } from '../support/until.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/;

let broker: Broker;
let fake: FakeConsumer;
let collector: Collector | null = null;
afterEach(async () => {
  await broker.stop();
  collector?.stop();
  collector = null;
});

async function start(endpoint?: string): Promise<void> {
  fake = await simpleConsumer();
  const tracing = endpoint === undefined ? {} : { otlp_endpoint: endpoint };
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { tracing } });
}

async function startCollected(): Promise<Collector> {
  collector = await Collector.start();
  await start(collector.url);
  return collector;
}

const speak = (headers: Record<string, string> = {}) => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {}, headers });

/** The spans of a trace, once it has so many. */
async function spansOf(traceId: string, count: number): Promise<CollectedSpan[]> {
  const found = (): CollectedSpan[] => (collector?.spans ?? []).filter((span) => span.traceId === traceId);
  await until(() => found().length >= count);
  return found();
}

const named = (spans: readonly CollectedSpan[], name: string): CollectedSpan => {
  const span = spans.find((each) => each.name === name);
  if (span === undefined) throw new Error(`no span ${name} among ${spans.map((each) => each.name).join(', ')}`);
  return span;
};

describe('with a collector', () => {
  test('an exchange is a span with its parts below it, in the client\'s trace', async () => {
    const { paths, resource } = await startCollected();
    const before = Date.now();
    await speak({ traceparent: PARENT, tracestate: 'vendor=1', 'x-request-id': 'mine' });
    const spans = await spansOf(TRACE, 4);
    const whole = named(spans, 'POST tts');
    expect(whole).toMatchObject({ parent: 'b7ad6b7169203331', role: 2, isFailed: false });
    expect(whole.attributes).toEqual({
      'http.request.method': 'POST',
      'url.path': '/v1/tts',
      'http.response.status_code': 200,
      'mgpu.request_id': 'mine',
      'mgpu.kind': 'tts',
      'mgpu.consumer': 'mvoice',
    });
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['POST tts', 'route', 'upstream', 'wait']);
    for (const name of ['route', 'wait', 'upstream']) expect(named(spans, name).parent).toBe(whole.spanId);
    for (const { from, to } of spans) {
      expect(from).toBeGreaterThanOrEqual(Math.min(before - 1, whole.from));
      expect(to).toBeGreaterThanOrEqual(from);
      expect(to).toBeLessThanOrEqual(Math.max(Date.now() + 1, whole.to));
    }
    expect(named(spans, 'route').to).toBeCloseTo(named(spans, 'wait').from, 1);
    expect(named(spans, 'upstream').attributes['mgpu.first_byte_ms']).toBeGreaterThanOrEqual(0);
    expect(paths[0]).toBe('/v1/traces');
    expect(resource).toMatchObject({ 'service.name': 'mgpumanager', 'service.version': 'test' });
  });

  test('the consumer is told our span, and keeps the client\'s state', async () => {
    await startCollected();
    await speak({ traceparent: PARENT, tracestate: 'vendor=1' });
    const { headers } = await fake.waitFor(1);
    const [, traceId, spanId] = TRACEPARENT.exec(String(headers['traceparent'])) ?? [];
    expect([traceId, headers['tracestate']]).toEqual([TRACE, 'vendor=1']);
    expect(named(await spansOf(TRACE, 4), 'upstream').spanId).toBe(spanId);
  });

  test.each([[{}], [{ traceparent: 'nonsense', tracestate: 'vendor=1' }]])('a trace begins here where the client has none that can be read: %j', async (sent) => {
    await startCollected();
    await speak(sent);
    const { headers } = await fake.waitFor(1);
    const [, traceId = ''] = TRACEPARENT.exec(String(headers['traceparent'])) ?? [];
    expect(headers['tracestate']).toBeUndefined();
    expect(named(await spansOf(traceId, 4), 'POST tts').parent).toBe('');
  });

  test('a trace that its beginner does not want recorded is passed on and not recorded', async () => {
    await startCollected();
    await speak({ traceparent: PARENT.replace(/01$/, '00') });
    const { headers } = await fake.waitFor(1);
    expect(String(headers['traceparent'])).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    await speak({ traceparent: PARENT.replace('0af7', '0bf7') });
    await spansOf(TRACE.replace('0af7', '0bf7'), 4);
    expect(collector?.spans.filter(({ traceId }) => traceId === TRACE)).toEqual([]);
  });

  test('one that waited and left shows how long it waited, and that it failed', async () => {
    await startCollected();
    let free = (): void => undefined;
    const freed = new Promise<void>((resolve) => (free = resolve));
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await freed;
      await exchange.json(200, {});
    });
    const first = speak();
    await broker.running(1);
    const second = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {}, headers: { traceparent: PARENT } });
    await broker.waiting(1);
    second.abort();
    await broker.waiting(0);
    free();
    await first;
    const spans = await spansOf(TRACE, 3);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['POST tts', 'route', 'wait']);
    expect(named(spans, 'POST tts')).toMatchObject({ isFailed: true, attributes: { 'error.type': 'client left' } });
  });

  test('one that had room made and was loaded shows both', async () => {
    collector = await Collector.start();
    const card = fakeCard({ totalMib: 16_376 });
    const share = cardShares(card);
    fake = await simpleConsumer({ loadedMib: 7900, memory: share('speech') });
    const other = await simpleConsumer({ loadedMib: 7900, memory: share('other') });
    // More than it uses, so that both do not fit.
    const hooks = { load: { path: '/load' }, unload: { path: '/unload' }, vram_resident_mib: 8300 };
    const consumers = { speech: { fake, settings: hooks }, other: { fake: other, settings: hooks } };
    broker = await startBroker({ card, consumers, settings: { tracing: { otlp_endpoint: collector.url } } });
    await request({ url: `${broker.url}/v1/consumers/speech/unload`, method: 'POST' });
    await speak({ traceparent: PARENT });
    const spans = await spansOf(TRACE, 6);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['POST tts', 'evict', 'load', 'route', 'upstream', 'wait']);
    expect(named(spans, 'evict').to).toBeCloseTo(named(spans, 'load').from, 1);
    expect(named(spans, 'load').to).toBeLessThanOrEqual(named(spans, 'upstream').from);
  });

  test('what is left is sent before the daemon ends', async () => {
    const { spans } = await startCollected();
    await speak({ traceparent: PARENT });
    await broker.daemon.stop(1000);
    expect(spans.filter(({ traceId }) => traceId === TRACE)).toHaveLength(4);
  });
});

describe('a collector that', () => {
  test('refuses changes nothing for clients, and is told of once', async () => {
    collector = await Collector.start((res) => res.writeHead(400).end());
    await start(collector.url);
    for (let count = 0; count < 3; count++) expect((await speak()).status).toBe(200);
    await until(() => (collector?.batches ?? 0) > 0 && failures().length > 0);
    const { batches } = collector;
    expect((await speak()).status).toBe(200);
    await until(() => (collector?.batches ?? 0) > batches);
    expect(failures()).toHaveLength(1);
  });

  test('is not there changes nothing either', async () => {
    const gone = await Collector.start();
    const { url } = gone;
    gone.stop();
    await start(url);
    expect((await speak()).status).toBe(200);
    await until(() => failures().length === 1);
  });

  test('never answers holds up neither requests nor the end of the daemon', async () => {
    collector = await Collector.start(() => undefined);
    await start(collector.url);
    for (let count = 0; count < 20; count++) expect((await speak()).status).toBe(200);
    await until(() => (collector?.batches ?? 0) > 0);
    const began = performance.now();
    await broker.daemon.stop(1000);
    expect(performance.now() - began).toBeLessThan(4500);
  });

  test('is no URL is told of, and the daemon starts', async () => {
    fake = await simpleConsumer();
    const card = fakeCard({ totalMib: 16_376 });
    const env = { ...card.env, OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' };
    broker = await startBroker({ consumers: { mvoice: { fake } }, card: { ...card, env } });
    expect((await speak()).status).toBe(200);
    expect(broker.logger.lines.filter(({ message }) => message.includes('no URL'))).toHaveLength(1);
  });
});

describe('without a collector', () => {
  test('traceparent and tracestate pass as they are, whatever they say', async () => {
    await start();
    await speak({ traceparent: 'what-ever', tracestate: 'vendor=1' });
    expect((await fake.waitFor(1)).headers).toMatchObject({ traceparent: 'what-ever', tracestate: 'vendor=1' });
    await speak();
    expect((await fake.waitFor(2)).headers['traceparent']).toBeUndefined();
  });
});

const failures = () => broker.logger.lines.filter(({ message }) => message === 'traces cannot be sent, and are dropped');
