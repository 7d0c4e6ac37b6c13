import { afterEach, describe, expect, test } from '@jest/globals';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import { createLlamaRouter } from '../../lib/demo/servers/llama-router.ts';
import type { Settings } from '../support/broker.ts';
import { forkDemo, sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { fakeCard } from '../support/fake-card.ts';
import { openRequest } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import type { BenchOptions } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const model = 'qwen2.5-7b';
const small = 'stories260k';
const messages = [{ role: 'user', content: 'Hi' }];
const chat = { model, messages, max_tokens: 3 };
let demo: RunningDemo;
let bench: PresetBench;
/** POSTs to /models/…, oldest first. */
let calls: string[];

async function start(quirks: Quirks = {}, settings: Settings = {}, rest: Pick<BenchOptions, 'file' | 'rivalMib'> = {}): Promise<void> {
  const card = sharedCard(16_376);
  demo = await startDemo((options) => createLlamaRouter({ ...options, quirks }), card);
  calls = [];
  demo.server.on('request', ({ url }) => {
    if (url?.startsWith('/models/')) calls.push(url);
  });
  const own = { vram_resident_mib: 6000, ...settings };
  bench = await PresetBench.start({ preset: 'llama.cpp-router', kind: 'llm', url: demo.url, card, settings: own, ...rest });
}

afterEach(async () => {
  demo.time.go();
  await bench.stop();
  await demo.stop();
});

async function listed(): Promise<Record<string, string>> {
  const { data }: { data: { id: string; status: { value: string } }[] } = JSON.parse((await demo.get('/models')).body);
  return Object.fromEntries(data.map(({ id, status }) => [id, status.value]));
}

/** Lets the pause under way end, and holds the next. */
function step(): void {
  demo.time.go();
  demo.time.hold();
}

/** Asks with the time held, and resolves when the model computes. */
async function running(send: (body: unknown) => OpenRequest, body: object): Promise<OpenRequest> {
  demo.time.hold();
  const open = send({ ...chat, ...body });
  await until(() => bench.atWork === 1);
  return open;
}

/** Requests to the server that have ended for their clients. */
function exchanges(): number {
  return bench.broker.logger.lines.filter(({ message, fields }) => message === 'exchange' && fields?.['path'] === '/v1/llm').length;
}

const behindOurBack = (body: unknown): OpenRequest => openRequest({ url: `${demo.url}/v1/chat/completions`, method: 'POST', body });
const throughTheBroker = (body: unknown): OpenRequest => bench.ask(body);

describe('residency', () => {
  test('is what the router lists, also when its models have gone by themselves', async () => {
    await start();
    await bench.becomes({ residency: 'absent', residency_source: 'self', healthy: true });
    expect((await bench.ask(chat).ended).status).toBe(200);
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
    await demo.post('/models/unload', { model });
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
  });

  test('of models that sleep is absent, and a request wakes them', async () => {
    await start({ sleep_when_idle: true });
    expect((await bench.ask(chat).ended).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect(await listed()).toMatchObject({ [model]: 'sleeping' });
    expect(bench.card.memory.usedMib()).toBe(600);
    expect((await bench.ask(chat).ended).status).toBe(200);
  });

  test('is resident as long as one of several is loaded; with --models-max 1 one leaves for the other', async () => {
    await start({ one_model: true });
    await bench.ask(chat).ended;
    expect((await bench.ask({ ...chat, model: small }).ended).status).toBe(200);
    expect(await listed()).toEqual({ [model]: 'unloaded', [small]: 'loaded' });
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
  });

  test('is known to a new broker before its first request, which unloads nothing that it need not', async () => {
    await start();
    await bench.ask(chat).ended;
    await bench.restart();
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
    expect((await bench.ask(chat).ended).status).toBe(200);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
    expect(calls).not.toContain('/models/unload');
  });

  test.each([
    [false, 0],
    [true, 500],
  ])('as a process of its own is measured too, and what stays is no model: router_holds_context %p', async (holds, staysMib) => {
    demo = await startDemo(createLlamaRouter);
    const card = fakeCard({ totalMib: 16_376 });
    const server = await forkDemo('llama-router', card, '--quirks', JSON.stringify({ router_holds_context: holds }));
    const settings = { vram_resident_mib: 5000, variables: { model }, residual_mib: staysMib };
    bench = await PresetBench.start({ preset: 'llama.cpp-router', kind: 'llm', url: server.url, card, settings });
    expect((await bench.byHand('load')).status).toBe(200);
    await bench.becomes({ residency: 'resident', gpu_resident_mib: 5000 + staysMib, gpu_resident_source: 'process' });
    expect((await bench.byHand('unload')).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: staysMib });
    await server.stop();
  });
});

describe('a load', () => {
  test('is awaited to its end, though it is answered at once', async () => {
    await start({}, { variables: { model } });
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    demo.time.hold();
    const asked = bench.ask(chat);
    await bench.becomes({ residency: 'loading' });
    await until(() => calls.includes('/models/load') && bench.atWork === 1);
    expect(await listed()).toMatchObject({ [model]: 'loading' });
    expect(bench.broker.daemon.gate.statistics.running).toBe(0);
    demo.time.go();
    expect((await asked.ended).headers['server-timing']).toMatch(/load;dur=/);
    expect(bench.work).toEqual(['llama-server load', 'llama-server chat']);
  });

  test.each([true, false])('of what runs already is fine: load_twice_is_400 %p', async (refuses) => {
    await start({ load_twice_is_400: refuses }, { variables: { model } }, { file: { health: { interval: '1h' } } });
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    await demo.post('/models/load', { model });
    const answer = await bench.byHand('load');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { consumer: 'server', residency: 'resident' }]);
    expect(calls).toEqual(['/models/load', '/models/load']);
  });

  test('that fails is 502, and the next one that finds room succeeds', async () => {
    const load = { path: '/models/load', body: { model }, timeout: '300ms' };
    await start({}, { load });
    await bench.becomes({ residency: 'absent' });
    bench.card.hold('game', 12_000, 1);
    bench.card.setMode('echo "No devices were found"; exit 6');
    await bench.cardIsLost();
    const answer = await bench.ask(chat).ended;
    const said = { error: 'load_failed', message: expect.stringContaining('it says that it is not loaded') };
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([502, said]);
    bench.card.hold('game', 0, 1);
    bench.card.clearMode();
    expect((await bench.ask(chat).ended).status).toBe(200);
  });

  test.each([
    [{}, 400],
    [{ variables: { model } }, 200],
  ])('is needed with --no-models-autoload: %p gives %i', async (settings, status) => {
    await start({ models_autoload: false }, settings);
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect((await bench.ask(chat).ended).status).toBe(status);
  });
});

describe('making room', () => {
  test('unloads every model, and waits until their processes are gone', async () => {
    await start();
    await bench.ask(chat).ended;
    await bench.ask({ ...chat, model: small }).ended;
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
    demo.time.hold();
    const waiting = bench.askRival();
    // Both have been told to exit.
    await until(() => demo.time.pending === 2);
    expect(bench.rival.jobs).toHaveLength(0);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(await listed()).toEqual({ [model]: 'unloaded', [small]: 'unloaded' });
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect((await bench.ask(chat).ended).status).toBe(200);
    expect(bench.rival.loaded).toBe(false);
    expect(bench.overlaps).toEqual([]);
  });

  test.each([true, false])('never happens while a request of ours runs (stream: %p)', async (stream) => {
    await start();
    await bench.ask(chat).ended;
    const open = await running(throughTheBroker, { stream });
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    await bench.cardIsRead();
    expect(calls).not.toContain('/models/unload');
    demo.time.go();
    expect(await open.ended).toMatchObject({ status: 200, complete: true });
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('waits for work that did not come through the broker where an unload does', async () => {
    await start({ unload_kills_running: false });
    await bench.ask(chat).ended;
    const theirs = await running(behindOurBack, { stream: true });
    const waiting = bench.askRival();
    await bench.becomes({ residency: 'unloading' });
    demo.time.go();
    expect(await theirs.ended).toMatchObject({ status: 200, body: expect.stringContaining('[DONE]') });
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('cannot see that work, and lets it be killed after the 10 s that an unload gives it', async () => {
    await start();
    await bench.ask(chat).ended;
    const theirs = await running(behindOurBack, { stream: true });
    step();
    await theirs.response;
    const waiting = bench.askRival();
    await until(() => demo.time.pauses.at(-1) === 10_000);
    demo.time.go();
    expect((await theirs.ended).body).toContain('proxy error: Failed to read connection');
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test.each([true, false])('by hand succeeds when all have been unloaded already: unload_twice_is_400 %p', async (refuses) => {
    await start({ unload_twice_is_400: refuses });
    await bench.ask(chat).ended;
    await demo.post('/models/unload', { model });
    await bench.becomes({ residency: 'absent' });
    expect((await bench.byHand('unload')).status).toBe(200);
  });
});

describe('a client that leaves', () => {
  /** Only the lease keeps the rival from beginning. */
  const ROOM_FOR_BOTH = { rivalMib: 1000 };

  test.each([
    { what: 'a stream ends it', stream: true, outlives: true, aborted: 1 },
    { what: 'an answer in one piece lets it go on to its end', stream: false, outlives: true, aborted: 0 },
    { what: 'an answer in one piece that its client takes with it ends too', stream: false, outlives: false, aborted: 0 },
  ])('$what, and nobody begins before that', async ({ stream, outlives, aborted }) => {
    await start({ nonstream_outlives_client: outlives, late_cancel: false }, {}, ROOM_FOR_BOTH);
    await bench.ask(chat).ended;
    const leaving = await running(throughTheBroker, { stream });
    if (stream) {
      // Before its head nothing tells that it will stream.
      step();
      await leaving.response;
    }
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => exchanges() === 2);
    await until(() => demo.time.aborted === aborted);
    if (!stream) {
      await bench.cardIsReadAgain();
      expect(bench.rival.jobs).toHaveLength(0);
    }
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('before a stream has begun ends it too', async () => {
    await start({}, {}, ROOM_FOR_BOTH);
    await bench.ask(chat).ended;
    const leaving = await running(throughTheBroker, { stream: true });
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => demo.time.aborted === 1);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });
});

test('an answer that breaks in the middle of a stream passes as it is', async () => {
  await start({ mid_stream_error: true });
  const answer = await bench.ask({ ...chat, max_tokens: 9, stream: true }).ended;
  expect(answer).toMatchObject({ status: 200, complete: true, body: expect.stringContaining('data: {"error":{"code":500') });
  await bench.broker.running(0);
});

test('an unknown model is 400 in its own words', async () => {
  await start();
  const answer = await bench.ask({ ...chat, model: 'nope' }).ended;
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { error: { message: "model 'nope' not found" } }]);
});
