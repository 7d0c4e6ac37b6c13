import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { EventReader } from '../support/event-reader.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { until, untilAsked } from '../support/until.ts';

/** All but readings of the card, which come when they like. */
const QUIET = 'request_waiting,request_granted,request_finished,request_released,pause,config,health';
const MOST_WATCHERS = 64;

let fake: FakeConsumer;
let broker: Broker;
let readers: EventReader[];
beforeEach(async () => {
  readers = [];
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } } });
  await until(() => broker.daemon.registry.everyone().every(({ health }) => health.state === 'healthy'));
});
afterEach(async () => {
  for (const reader of readers) reader.leave();
  await broker.stop();
});

async function watch(query = `?types=${QUIET}`, lastEventId?: string): Promise<EventReader> {
  const reader = await EventReader.open(`${broker.url}/v1/events${query}`, lastEventId);
  readers.push(reader);
  return reader;
}

const tts = (headers = {}) => request({ url: `${broker.url}/v1/tts?key=secret`, method: 'POST', body: { text: 'private words' }, headers });
const pause = (by: string): void => broker.daemon.events.note({ type: 'pause', paused: true, by });
const bys = (reader: EventReader): unknown[] => reader.of('pause').map(({ by }) => by);

describe('a watcher', () => {
  test('gets how things are, and then what happens, in order', async () => {
    pause('before');
    const reader = await watch();
    const { 'content-type': type, 'cache-control': cache, 'x-accel-buffering': buffering } = reader.response.headers;
    expect([type, cache, buffering]).toEqual(['text/event-stream; charset=utf-8', 'no-store', 'no']);
    const snapshot = await reader.found('snapshot');
    expect(reader.text).toMatch(/^retry: 2000\n\nevent: snapshot\n/);
    expect(snapshot).toMatchObject({ schema_version: 1, boot: expect.stringMatching(/^[0-9a-f-]{36}$/), status: { consumers: [{ name: 'one' }] }, queue: { running: [], waiting: [] } });
    expect(snapshot['events']).toContainEqual(expect.objectContaining({ type: 'pause', by: 'before' }));
    expect(reader.lastId).toBe(`${String(snapshot['boot'])}-${String(snapshot['last_id'])}`);
    await tts({ 'X-Request-Id': 'mine', 'X-OpenWebUI-User-Id': 'ann' });
    const finished = await reader.found('request_finished', { request: 'mine' });
    expect(await reader.found('request_released', { request: 'mine' })).toMatchObject({ kind: 'tts', consumer: 'one', client: 'user ann', run_ms: expect.any(Number) });
    expect(reader.names).toEqual(['snapshot', 'request_waiting', 'request_granted', 'request_finished', 'request_released']);
    expect(finished).toMatchObject({ kind: 'tts', consumer: 'one', client: 'user ann', method: 'POST', path: '/v1/tts', status: 200, error: null, cut: null, evict_ms: null, upstream_ms: expect.any(Number) });
    expect(reader.events.slice(1).map(({ event, id }) => [event, id])).toEqual(
      reader.events.slice(1).map(({ data }) => [data['type'], `${String(snapshot['boot'])}-${String(data['id'])}`]),
    );
    const ids = reader.events.slice(1).map(({ data }) => Number(data['id']));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(reader.text).not.toMatch(/private words|secret/);
  });

  test('that comes back gets what it missed, and no snapshot', async () => {
    const first = await watch();
    pause('seen');
    await first.found('pause', { by: 'seen' });
    first.leave();
    for (const by of ['missed 1', 'missed 2']) pause(by);
    for (const again of [await watch(`?types=${QUIET}`, first.lastId), await watch(`?types=${QUIET}&last_event_id=${first.lastId}`)]) {
      pause('new');
      await again.found('pause', { by: 'new' });
      expect(bys(again).slice(0, 2)).toEqual(['missed 1', 'missed 2']);
      expect(new Set(again.names)).toEqual(new Set(['pause']));
    }
  });

  test('that missed more than a connection takes at once gets all of it as it reads', async () => {
    const first = await watch();
    await first.found('snapshot');
    first.leave();
    const long = 'x'.repeat(1000);
    for (let index = 0; index < 1990; index += 1) pause(`${index} ${long}`);
    const again = await watch(`?types=${QUIET}`, first.lastId);
    await again.found('pause', { by: `1989 ${long}` });
    expect(again.names).toEqual(Array.from({ length: 1990 }, () => 'pause'));
    expect(again.isOver).toBe(false);
    pause('and then');
    await again.found('pause', { by: 'and then' });
  });

  test('that missed more than is kept, or knows another run, begins anew', async () => {
    const first = await watch();
    await first.found('snapshot');
    const other = await startBroker({ consumers: { one: { fake: await simpleConsumer() } } });
    const moved = await EventReader.open(`${other.url}/v1/events`, first.lastId);
    await moved.found('snapshot');
    expect(moved.names.slice(0, 2)).toEqual(['reset', 'snapshot']);
    expect(moved.events[0]).toMatchObject({ id: null, data: { schema_version: 1, reason: 'the id is none of this run of the broker' } });
    moved.leave();
    await other.stop();
    first.leave();
    for (let index = 0; index <= 2000; index += 1) pause(String(index));
    const late = await watch(`?types=${QUIET}`, first.lastId);
    const snapshot = await late.found('snapshot');
    expect(late.of('reset')).toEqual([{ schema_version: 1, reason: 'not all events since then are kept' }]);
    expect(snapshot['events']).toHaveLength(100);
  });

  test('gets only the types that it asked for, also in the snapshot', async () => {
    pause('me');
    const reader = await watch('?types=request_finished,config');
    const snapshot = await reader.found('snapshot');
    expect(snapshot['events']).toEqual([]);
    await tts();
    await reader.found('request_finished');
    expect(reader.names).toEqual(['snapshot', 'request_finished']);
  });

  test.each([
    ['?types=request_finished,nonsense', '"nonsense" is no type of event; there are request_waiting, request_granted'],
    ['?types=', '"" is no type of event'],
    ['?types=pause&types=config', 'say types once'],
  ])('is told what is wrong with %s', async (query, message) => {
    const answer = await request({ url: `${broker.url}/v1/events${query}` });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { error: 'bad_request', message: expect.stringContaining(message), retryable: false }]);
  });

  test('that asks with HEAD gets the head and is none', async () => {
    const answer = await request({ url: `${broker.url}/v1/events`, method: 'HEAD' });
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([200, 'text/event-stream; charset=utf-8', '']);
  });

  test('is one of 64 at most, and makes room when it leaves', async () => {
    await Promise.all(Array.from({ length: MOST_WATCHERS }, () => watch()));
    const refused = await request({ url: `${broker.url}/v1/events` });
    expect([refused.status, refused.headers['retry-after'], JSON.parse(refused.body).error]).toEqual([503, '10', 'overloaded']);
    readers[0]?.leave();
    await untilAsked(async () => (await watch()).response.statusCode === 200);
  });

  test('that does not read is cut, while others miss nothing', async () => {
    const reader = await watch();
    const stuck = await RawClient.open(broker.port);
    stuck.send('GET /v1/events?types=pause HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await stuck.head();
    stuck.socket.pause();
    const wasCut = (): boolean => broker.logger.lines.some(({ message }) => message === 'a client that watches the events was cut: it reads too slowly');
    const long = 'x'.repeat(4000);
    let count = 0;
    while (!wasCut() && count < 20_000) {
      for (let burst = 0; burst < 20; burst += 1) pause(`${(count += 1)} ${long}`);
      await until(() => reader.of('pause').length === count);
    }
    expect(wasCut()).toBe(true);
    pause('after');
    await reader.found('pause', { by: 'after' });
    expect(reader.of('pause')).toHaveLength(count + 1);
    // What was on its way, and then the end.
    expect(await stuck.rest()).not.toContain('after');
  });
});

describe('what is told', () => {
  test('of an exchange that failed has its error, of one whose client left that it did, and of monitors nothing', async () => {
    const reader = await watch();
    for (const path of ['/healthz', '/readyz', '/v1/status', '/']) await request({ url: broker.url + path });
    await request({ url: `${broker.url}/healthz`, method: 'POST' });
    await request({ url: `${broker.url}/v1/plan?kind=none` });
    fake.on('POST /work', (exchange) => exchange.never());
    const leaving = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });
    await broker.running(1);
    leaving.abort();
    await reader.found('request_finished', { kind: 'llm' });
    expect(reader.of('request_finished')).toMatchObject([
      { kind: null, consumer: null, path: '/v1/plan', status: 400, error: 'bad_request', cut: null },
      { kind: 'llm', consumer: 'one', path: '/v1/llm', status: null, error: null, cut: 'client left' },
    ]);
  });

  test('of a very long path is its beginning', async () => {
    const reader = await watch();
    await request({ url: `${broker.url}/${'a'.repeat(5000)}` });
    const { path } = await reader.found('request_finished', { status: 404 });
    expect(path).toBe(`/${'a'.repeat(255)}`);
  });

  test('of a reload is that it was taken, or what was wrong', async () => {
    const reader = await watch();
    broker.reload({ consumers: { one: { fake } } });
    broker.daemon.reloadFailed('line 3: no');
    await reader.found('config', { result: 'refused' });
    expect(reader.of('config')).toMatchObject([{ result: 'reloaded', problem: null }, { result: 'refused', problem: 'line 3: no' }]);
  });

  test('of the card are its readings, and at once that it cannot be read', async () => {
    const reader = await watch('?types=sample');
    expect(await reader.found('sample', { error: null })).toMatchObject({ total_mib: 16376, free_mib: expect.any(Number), consumers: {} });
    broker.card?.setMode("echo 'No devices were found'; exit 6");
    await until(() => reader.of('sample').some(({ error }) => error !== null));
    broker.card?.clearMode();
    await until(() => reader.of('sample').at(-1)?.['error'] === null);
  });

  test('of a lease by hand is who waited for it, got it and asked', async () => {
    const reader = await watch();
    const taken = await request({ url: `${broker.url}/v1/leases`, method: 'POST', body: { kind: 'llm' } });
    await reader.found('request_finished');
    const label = { kind: 'lease', consumer: 'one', client: expect.stringMatching(/^peer /) };
    expect(reader.events.slice(1)).toMatchObject([
      { event: 'request_waiting', data: label },
      { event: 'request_granted', data: label },
      { event: 'request_finished', data: { ...label, path: '/v1/leases', status: 201 } },
    ]);
    await request({ url: `${broker.url}/v1/leases/${JSON.parse(taken.body).id}`, method: 'DELETE' });
    expect(await reader.found('request_released')).toMatchObject({ ...label, run_ms: expect.any(Number) });
  });
});

describe('a shutdown', () => {
  test('is seen to its end by those who watch, and waits for none of them', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const reader = await watch();
    const stuck = await RawClient.open(broker.port);
    stuck.send('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await stuck.head();
    stuck.socket.pause();
    const running = tts();
    await broker.running(1);
    // Far longer than this test may last.
    const stopped = broker.daemon.stop(600_000);
    const during = await watch();
    await during.found('snapshot');
    held.resolve();
    await running;
    await stopped;
    await reader.ended();
    expect(reader.names).toEqual(['snapshot', 'request_waiting', 'request_granted', 'request_finished', 'request_released', 'bye']);
    expect(reader.events.at(-1)).toMatchObject({ id: null, data: { schema_version: 1, reason: 'the broker is stopping' } });
    expect(reader.response.complete).toBe(true);
    expect(during.names.at(-1)).toBe('bye');
    stuck.socket.destroy();
  });
});
