import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import { VLLM_MODEL } from '../../lib/demo/servers/vllm-job.ts';
import { createVllm } from '../../lib/demo/servers/vllm.ts';
import type { Settings } from '../support/broker.ts';
import { forkDemo, sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { facadeFetch } from '../support/facade-fetch.ts';
import { fakeCard } from '../support/fake-card.ts';
import { openRequest } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const chat = { model: VLLM_MODEL, messages, max_tokens: 5 };
const AWAKE_MIB = 7000;
let demo: RunningDemo;
let bench: PresetBench;
/** Requests that met a sleeping engine. */
let metAsleep: number;

async function start(quirks: Quirks = {}, settings: Settings = {}, file: Settings = {}): Promise<void> {
  const card = sharedCard(16_376);
  demo = await startDemo((options) => createVllm({ ...options, quirks }), card);
  metAsleep = 0;
  demo.server.on('request', ({ method, url }) => {
    if (method === 'POST' && url?.startsWith('/v1/') && vllmMib() < AWAKE_MIB) metAsleep += 1;
  });
  const own = { vram_resident_mib: AWAKE_MIB, ...settings };
  bench = await PresetBench.start({ preset: 'vllm', kind: 'llm', url: demo.url, card, settings: own, file });
}

afterEach(async () => {
  demo.time.go();
  await bench.stop();
  await demo.stop();
});

function vllmMib(): number {
  return demo.card.memory.usedMib() - (bench.rival.loaded ? 14_000 : 0);
}

/** Work that did not come through the broker; it stands until time goes on. */
async function workBehindOurBack(stream: boolean): Promise<OpenRequest> {
  demo.time.hold();
  const open = openRequest({ url: `${demo.url}/v1/chat/completions`, method: 'POST', body: { ...chat, stream } });
  await until(() => bench.atWork === 1);
  return open;
}

describe('residency', () => {
  test('is whether it sleeps, also when somebody else has put it to sleep', async () => {
    await start();
    await bench.becomes({ residency: 'resident', residency_source: 'self', healthy: true });
    await demo.post('/sleep?level=1');
    await bench.becomes({ residency: 'absent', residency_source: 'self', healthy: true });
    await demo.post('/wake_up');
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
  });

  test.each([true, false])('is known to a new broker before its first request (awake: %p), which does nothing that it need not', async (awake) => {
    await start();
    if (!awake) await demo.post('/sleep?level=1');
    await bench.restart();
    await bench.becomes({ residency: awake ? 'resident' : 'absent', residency_source: 'self' });
    const answer = await bench.ask(chat).ended;
    expect([answer.status, /load;dur=/.test(String(answer.headers['server-timing']))]).toEqual([200, !awake]);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
    expect(metAsleep).toBe(0);
  });

  test('as a process of its own its memory is measured, awake and asleep', async () => {
    demo = await startDemo(createVllm);
    const card = fakeCard({ totalMib: 16_376 });
    const server = await forkDemo('vllm', card);
    bench = await PresetBench.start({ preset: 'vllm', kind: 'llm', url: server.url, card, settings: { vram_resident_mib: AWAKE_MIB } });
    await bench.becomes({ residency: 'resident', gpu_resident_mib: AWAKE_MIB, gpu_resident_source: 'process' });
    expect((await bench.byHand('unload')).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 1200 });
    expect((await bench.byHand('load')).status).toBe(200);
    await bench.becomes({ residency: 'resident', gpu_resident_mib: AWAKE_MIB });
    await server.stop();
  });
});

describe('making room', () => {
  test.each<[string, Quirks]>([
    ['as in V1', {}],
    ['when /sleep answers too early', { sleep_returns_early: true }],
    ['when nothing stays behind', { residual_stays: false }],
    ['when a request to a sleeping engine would kill it', { asleep_request_kills: true }],
  ])('puts it to sleep, and wakes it before its next request: %s', async (_, quirks) => {
    await start(quirks);
    await bench.becomes({ residency: 'resident' });
    expect((await bench.askRival().ended).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect(vllmMib()).toBe(quirks['residual_stays'] === false ? 0 : 1200);
    const answers = await Promise.all([1, 2, 3].map(() => bench.ask(chat).ended));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(bench.rival.loaded).toBe(false);
    expect(metAsleep).toBe(0);
    expect(bench.overlaps).toEqual([]);
  });

  test.each([true, false])('waits for work that did not come through the broker, and does not cut it (stream: %p)', async (stream) => {
    await start();
    await bench.becomes({ residency: 'resident' });
    const theirs = await workBehindOurBack(stream);
    const waiting = bench.askRival();
    await bench.becomes({ external_work: true });
    expect(vllmMib()).toBe(AWAKE_MIB);
    demo.time.go();
    const { body } = await theirs.ended;
    expect(body).toContain('"finish_reason":"length"');
    expect(body).not.toContain('abort');
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('cannot see that work where vLLM does not track it, and then cuts it', async () => {
    await start({ load_tracking: false });
    await bench.becomes({ residency: 'resident' });
    const theirs = await workBehindOurBack(false);
    const waiting = bench.askRival();
    await bench.becomes({ residency: 'unloading' });
    expect((await theirs.ended).body).toContain('"finish_reason":"abort"');
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
  });

  test('lets that work end where vLLM is told to wait for it', async () => {
    await start({ load_tracking: false }, { unload: { path: '/sleep?level=1&mode=wait', in_flight: 'waits', timeout: '30s' } });
    await bench.becomes({ residency: 'resident' });
    const theirs = await workBehindOurBack(false);
    const waiting = bench.askRival();
    await bench.becomes({ residency: 'unloading' });
    demo.time.go();
    expect((await theirs.ended).body).toContain('"finish_reason":"length"');
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('is refused where vLLM was not started for it', async () => {
    await start({ dev_mode: false });
    const answer = await bench.askRival().ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: 'eviction_failed', retryable: true }]);
    const failed = bench.broker.logger.lines.find(({ message }) => message === 'unload failed');
    expect(failed?.fields).toMatchObject({ error: 'POST /sleep?level=1 answered 404' });
  });

  test('by hand succeeds when it sleeps already, and when it is awake already', async () => {
    await start();
    expect((await bench.byHand('load')).status).toBe(200);
    await demo.post('/sleep?level=1');
    await bench.becomes({ residency: 'absent' });
    expect((await bench.byHand('unload')).status).toBe(200);
  });
});

describe('a wake-up that finds no memory', () => {
  /** Asleep beside somebody who has taken so much that it cannot wake, on a card that cannot be read. */
  async function crowded(quirks: Quirks): Promise<void> {
    await start(quirks);
    await demo.post('/sleep?level=1');
    await bench.becomes({ residency: 'absent' });
    bench.card.hold('game', 12_000, 1);
    bench.card.setMode('echo "No devices were found"; exit 6');
    await bench.cardIsLost();
  }

  test.each([true, false])('is 502 load_failed, and the next one that has room succeeds: wake_leaks %p', async (leaks) => {
    await crowded({ wake_leaks: leaks });
    const answer = await bench.ask(chat).ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([502, { error: 'load_failed', consumer: 'server', retryable: true }]);
    expect(JSON.parse(answer.body)).toMatchObject({ message: expect.stringContaining('POST /wake_up answered 500') });
    expect(metAsleep).toBe(0);
    bench.card.hold('game', 0, 1);
    bench.card.clearMode();
    expect((await bench.ask(chat).ended).status).toBe(200);
  });

  test('is not tried where the card can be read', async () => {
    await start();
    await demo.post('/sleep?level=1');
    bench.card.hold('game', 12_000, 1);
    await bench.becomes({ residency: 'absent' });
    await bench.cardIsRead();
    expect((await bench.ask(chat).ended).status).toBe(503);
    expect(bench.card.memory.usedMib()).toBe(12_000 + 1200);
  });

  test('and kills the engine leaves a consumer that is down', async () => {
    await crowded({ wake_oom_kills: true });
    expect((await bench.ask(chat).ended).status).toBe(502);
    await bench.becomes({ healthy: false });
    const answer = await bench.ask(chat).ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: 'consumer_unreachable' }]);
  });

  test('and kills an engine that still says it is well leaves errors of its own', async () => {
    await crowded({ wake_oom_kills: true, health_ignores_engine: true });
    expect((await bench.ask(chat).ended).status).toBe(502);
    await bench.becomes({ healthy: true });
    expect((await bench.ask(chat).ended).status).toBe(502);
    expect(metAsleep).toBe(0);
  });
});

describe('a client that leaves', () => {
  test.each([true, false])('before the answer ends the work, and nobody begins before that (stream: %p)', async (stream) => {
    await start();
    await bench.becomes({ residency: 'resident' });
    demo.time.hold();
    const leaving = bench.ask({ ...chat, stream });
    await until(() => bench.atWork === 1);
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => demo.time.aborted === 1);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('in the middle of a stream ends it', async () => {
    await start();
    await bench.becomes({ residency: 'resident' });
    demo.time.hold();
    const leaving = bench.ask({ ...chat, stream: true });
    await until(() => bench.atWork === 1);
    demo.time.go();
    demo.time.hold();
    const response = await leaving.response;
    await once(response, 'readable');
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => demo.time.aborted === 1);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });
});

test.each([
  [true, 200, 'data: {"error":{"message":"Internal server error"'],
  [false, 500, '{"error":{"message":"Internal server error"'],
])('an answer that breaks in the middle passes as it is (stream: %p)', async (stream, status, body) => {
  await start({ mid_stream_error: true });
  expect(await bench.ask({ ...chat, stream }).ended).toMatchObject({ status, body: expect.stringContaining(body), complete: true });
  await bench.broker.running(0);
});

test("OpenAI's client chats with one that sleeps, streamed or not, and reads a refusal", async () => {
  await start();
  await demo.post('/sleep?level=1');
  await bench.becomes({ residency: 'absent' });
  const fetch = facadeFetch({ url: bench.facade, path: '/v1/chat/completions' });
  const client = new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'none', maxRetries: 0, fetch });
  let said = '';
  for await (const { choices } of await client.chat.completions.create({ ...chat, stream: true })) said += choices[0]?.delta.content ?? '';
  expect(said).toMatch(/^You /);
  expect(await client.chat.completions.create(chat)).toMatchObject({ choices: [{ message: { content: said } }] });
  await demo.post('/sleep?level=1');
  bench.card.hold('game', 12_000, 1);
  await bench.becomes({ residency: 'absent' });
  await bench.cardIsRead();
  await expect(client.chat.completions.create(chat)).rejects.toMatchObject({ status: 503, error: 'insufficient_vram' });
});
