import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RequestFinished } from '../../lib/core/events.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { historyOf, historyWith } from '../support/history-client.ts';
import { request } from '../support/http.ts';
import { until, untilAsked } from '../support/until.ts';

const MIB = 2 ** 20;

let folder: string;
let file: string;
let fake: FakeConsumer;
let broker: Broker;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-history-'));
  file = join(folder, 'deep', 'history.db');
});
afterEach(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const settings = (more: Settings = {}): Settings => ({ history: { path: file, ...more } });
async function start(over: Settings = settings()): Promise<void> {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: over });
  await until(() => broker.daemon.registry.everyone().every(({ health }) => health.state === 'healthy'));
}
const reload = (over: Settings): void => broker.reload({ consumers: { one: { fake } }, settings: over });

const tts = (headers = {}) => request({ url: `${broker.url}/v1/tts?key=secret`, method: 'POST', body: { text: 'private words' }, headers: { 'X-Api-Key': 'sk-private', ...headers } });
const FINISHED: RequestFinished = {
  type: 'request_finished', request: 'r', kind: 'tts', consumer: 'one', model: null, client: 'user ann', method: 'POST', path: '/v1/tts', status: 200, error: null, cut: null,
  queue_ms: 1.5, evict_ms: null, load_ms: null, upstream_ms: 2, total_ms: 3, bytes_in: 4, bytes_out: 5,
};
const finish = (over: Partial<RequestFinished> = {}): void => broker.daemon.events.note({ ...FINISHED, ...over });
const found = (query = '') => historyOf(broker.url, query);
const ids = async (query = '') => (await found(query)).rows.map((row) => row['request']);
const reach = (count: number, query = '') => historyWith(count, { url: broker.url, query });
const says = (wanted: string): boolean => broker.logger.lines.some(({ message }) => message.startsWith(wanted));

describe('the history', () => {
  test('has what happened, and survives a restart', async () => {
    await start();
    expect((await tts({ 'X-Request-Id': 'mine', 'X-OpenWebUI-User-Id': 'ann' })).status).toBe(200);
    const [row] = (await reach(1)).rows;
    expect(row).toEqual({
      id: 1, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), request: 'mine', kind: 'tts', consumer: 'one', model: null, client: 'user ann', method: 'POST', path: '/v1/tts', status: 200,
      error: null, cut: null, queue_ms: expect.any(Number), evict_ms: null, load_ms: null, upstream_ms: expect.any(Number), total_ms: expect.any(Number), bytes_in: expect.any(Number), bytes_out: expect.any(Number),
    });
    await broker.stop();
    await start();
    expect(await found()).toEqual({ schema_version: 1, what: 'exchanges', rows: [row], next: null });
    await tts({ 'X-Request-Id': 'later' });
    await reach(2);
    expect(await ids()).toEqual(['later', 'mine']);
  });

  test('has unloads, loads, health, configurations, and the memory of the card once a minute', async () => {
    await start();
    const { events } = broker.daemon;
    for (let reading = 0; reading < 3; reading += 1) {
      events.note({ type: 'sample', total_mib: 16376, used_mib: 1, free_mib: 16375, consumers: { one: 1 }, foreign_mib: null, error: null });
    }
    events.note({ type: 'unloaded', consumer: 'one', for: 'two', request: 'r', reason: 'room', explanation: 'e', expected_mib: 9, result: 'freed', freed_mib: 8, hook_ms: 1, settle_ms: 2, error: null });
    events.note({ type: 'loaded', consumer: 'two', request: 'r', result: 'failed', load_ms: 5, error: 'no' });
    reload(settings());
    expect((await reach(1, 'what=evictions&consumer=one')).rows[0]).toMatchObject({ for: 'two', reason: 'room', freed_mib: 8 });
    expect((await reach(1, 'what=loads')).rows[0]).toMatchObject({ consumer: 'two', result: 'failed', error: 'no' });
    expect((await reach(1, 'what=config')).rows[0]).toMatchObject({ result: 'reloaded', problem: null });
    expect((await reach(1, 'what=health')).rows[0]).toMatchObject({ consumer: 'one', to: 'healthy' });
    const { rows } = await found('what=vram');
    expect(rows.at(-1)).toMatchObject({ total_mib: 16376, consumers: expect.any(Object) });
    const minutes = rows.map((row) => String(row['time']).slice(0, 16));
    expect(minutes).toEqual([...new Set(minutes)]);
  });

  test('has no more than ten a minute of what a stranger was refused, who could push out all else', async () => {
    await start();
    for (let count = 0; count < 1000; count += 1) finish({ kind: null, consumer: null, path: '/', status: 403, error: 'forbidden', request: 'stranger' });
    finish({ request: 'mine' });
    await untilAsked(async () => (await ids()).includes('mine'));
    const refused = (await ids('status=403')).length;
    expect(refused).toBeGreaterThanOrEqual(10);
    // A minute may have ended meanwhile.
    expect(refused).toBeLessThanOrEqual(20);
  });

  test('never has prompts, keys or queries of paths, and only its owner may read it', async () => {
    await start();
    await tts({ Authorization: 'Bearer sk-private' });
    await reach(1);
    await broker.stop();
    const bytes = ['', '-wal'].map((suffix) => (existsSync(file + suffix) ? readFileSync(file + suffix, 'latin1') : '')).join('');
    expect(bytes).toContain('/v1/tts');
    expect(bytes).not.toMatch(/private|secret/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await start();
  });

  test('is off unless the configuration says otherwise, and says how to turn it on', async () => {
    await start({});
    const off = await request({ url: `${broker.url}/v1/history` });
    expect([off.status, JSON.parse(off.body)]).toEqual([501, { error: 'history_off', message: expect.stringContaining('history: {}'), retryable: false }]);
    expect(JSON.parse((await request({ url: `${broker.url}/v1/status` })).body)['history']).toBeNull();
    reload(settings());
    finish();
    await reach(1);
    expect(JSON.parse((await request({ url: `${broker.url}/v1/status` })).body)['history']).toEqual({ on: true, reason: null, dropped: 0 });
    reload({});
    expect((await request({ url: `${broker.url}/v1/history` })).status).toBe(501);
  });
});

describe('a query', () => {
  test('finds what its filters say', async () => {
    await start();
    finish({ request: 'a', kind: 'llm', status: 503, error: 'queue_timeout', client: 'key bob' });
    finish({ request: 'b', consumer: 'two', status: 500 });
    finish({ request: 'c' });
    await reach(3);
    expect(await ids('status=5xx')).toEqual(['b', 'a']);
    expect(await ids('status=503')).toEqual(['a']);
    expect(await ids('code=queue_timeout')).toEqual(['a']);
    expect(await ids('kind=tts')).toEqual(['c', 'b']);
    expect(await ids('consumer=two&kind=tts')).toEqual(['b']);
    expect(await ids('client=key+bob')).toEqual(['a']);
    expect(await ids("consumer=two'%20OR%201=1--")).toEqual([]);
    const [, middle] = (await found()).rows;
    const [at, inAMoment] = [String(middle?.['time']), new Date(Date.parse(String(middle?.['time'])) + 1000).toISOString()];
    expect(await ids(`since=${at}&until=${inAMoment}`)).toContain('b');
    expect(await ids(`until=${at}`)).not.toContain('b');
    expect(await ids('since=1h')).toHaveLength(3);
    expect(await ids('until=1h')).toEqual([]);
  });

  test('has pages, each with the way to the next', async () => {
    await start();
    for (let index = 1; index <= 5; index += 1) finish({ request: String(index) });
    await reach(5);
    const first = await request({ url: `${broker.url}/v1/history?limit=2&kind=tts` });
    expect(first.headers['link']).toBe('</v1/history?limit=2&kind=tts&before=4>; rel="next"');
    finish({ request: 'new' });
    expect(await ids('limit=2&before=4')).toEqual(['3', '2']);
    expect(await found('limit=2&before=2')).toMatchObject({ rows: [{ request: '1' }], next: null });
  });

  test('may be answered as CSV, by its format or as Accept says', async () => {
    await start();
    finish({ request: '=1+1', model: 'a, "b"' });
    await reach(1);
    const csv = await request({ url: `${broker.url}/v1/history?format=csv` });
    expect([csv.headers['content-type'], csv.headers['content-disposition']]).toEqual(['text/csv; charset=utf-8; header=present', 'attachment; filename="exchanges.csv"']);
    const [head, row, end] = csv.body.split('\r\n');
    expect(head).toMatch(/^id,time,request,kind,consumer,model,/);
    expect(row).toMatch(/^1,\d{4}[^,]*Z,'=1\+1,tts,one,"a, ""b""",user ann,POST,\/v1\/tts,200,,,1.5,,,2,3,4,5$/);
    expect(end).toBe('');
    const asked = (Accept: string, query = '') => request({ url: `${broker.url}/v1/history${query}`, headers: { Accept } });
    expect((await asked('text/csv')).body).toBe(csv.body);
    for (const answer of [await asked('*/*'), await asked('text/csv', '?format=json'), await asked('image/png')]) expect(JSON.parse(answer.body).rows).toHaveLength(1);
    const headOnly = await request({ url: `${broker.url}/v1/history`, method: 'HEAD' });
    expect([headOnly.status, headOnly.body]).toEqual([200, '']);
  });

  test.each([
    ['what=all', 'what: "all" is not kept'],
    ['limit=0', 'limit: expected a whole number from 1 to 10000'],
    ['format=xml', 'format: expected json or csv'],
    ['what=vram&kind=tts', '"kind" is no parameter of vram'],
    ['since=now', 'since: expected a time'],
  ])('with %s is refused, and told why', async (query, message) => {
    await start();
    const answer = await request({ url: `${broker.url}/v1/history?${query}` });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { error: 'bad_request', message: expect.stringContaining(message), retryable: false }]);
  });
});

describe('the file', () => {
  test('forgets what is older than the configuration says, also after a reload', async () => {
    await start();
    for (let index = 0; index < 1200; index += 1) finish();
    await reach(1200, 'limit=10000');
    reload(settings({ keep: '1ms' }));
    await reach(0);
  });

  test('stays as small as the configuration says, and keeps the few of a kind when there are many of another', async () => {
    await start(settings({ max_mib: 1 }));
    broker.daemon.events.note({ type: 'pause', paused: true, by: 'not kept' });
    broker.daemon.events.note({ type: 'loaded', consumer: 'one', request: 'first', result: 'ready', load_ms: 5, error: null });
    const words = 'x'.repeat(900);
    for (let round = 1; round <= 8; round += 1) {
      for (let index = 0; index < 1000; index += 1) finish({ model: words, request: `${round}` });
      await untilAsked(async () => (await found('limit=1')).rows[0]?.['request'] === `${round}`);
    }
    await untilAsked(async () => (await found('limit=10000')).rows.length < 1200);
    await untilAsked(async () => statSync(file).size + statSync(`${file}-wal`).size < 10 * MIB);
    expect((await found('what=loads')).rows).toHaveLength(1);
    await broker.stop();
    expect(statSync(file).size).toBeLessThan(3 * MIB);
    await start(settings({ max_mib: 1 }));
    expect((await found('limit=10000')).rows.length).toBeGreaterThan(300);
  });

  test('may move with a reload, and what waited is written where it belongs', async () => {
    await start();
    finish({ request: 'here' });
    const other = join(folder, 'other.db');
    reload({ history: { path: other } });
    finish({ request: 'there' });
    await reach(1);
    expect(await ids()).toEqual(['there']);
    reload(settings());
    await reach(1);
    expect(await ids()).toEqual(['here']);
  });

  test('is put aside when it is damaged, and a new one begun', async () => {
    mkdirSync(join(folder, 'deep'));
    writeFileSync(file, 'this is no database at all '.repeat(500));
    await start();
    finish();
    await reach(1);
    expect(readFileSync(`${file}.damaged-1`, 'utf8')).toMatch(/^this is no database/);
    expect(says('the history was damaged')).toBe(true);
  });

  test('that cannot be opened costs nothing but the history: the service runs, says so, and tries again', async () => {
    writeFileSync(join(folder, 'deep'), 'in the way');
    await start();
    await until(() => says('history: off: its file cannot be opened'));
    expect((await tts()).status).toBe(200);
    const answer = await request({ url: `${broker.url}/v1/history` });
    expect([answer.status, answer.headers['retry-after'], JSON.parse(answer.body)]).toEqual([503, '5', { error: 'history_unavailable', message: 'the history cannot be read: its file cannot be opened', retryable: true }]);
    expect(JSON.parse((await request({ url: `${broker.url}/v1/status` })).body)['history']).toEqual({ on: false, reason: 'its file cannot be opened', dropped: 0 });
    for (let index = 0; index < 10_050; index += 1) finish();
    await until(() => says('events are dropped'));
    rmSync(join(folder, 'deep'));
    reload(settings());
    await until(() => says('history: on again'));
    // Readings and changes of the configuration have their place among those that are kept.
    await untilAsked(async () => (await found('limit=10000')).rows.length > 9900);
    expect(JSON.parse((await request({ url: `${broker.url}/v1/status` })).body)['history']).toMatchObject({ on: true, dropped: expect.any(Number) });
    expect(broker.logger.lines.filter(({ message }) => message.startsWith('events are dropped'))).toHaveLength(1);
  });

  test('of another program is left alone', async () => {
    await start();
    await reach(1, 'what=health');
    await broker.stop();
    const bytes = readFileSync(file);
    bytes.writeUInt32BE(0x12345678, 68);
    writeFileSync(file, bytes);
    await start();
    await until(() => says('history: off: its file is a database of another program'));
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });
});
