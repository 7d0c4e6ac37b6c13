import { afterEach, describe, expect, test } from '@jest/globals';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import { createOllama } from '../../lib/demo/servers/ollama.ts';
import type { Settings } from '../support/broker.ts';
import { sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { facadeFetch } from '../support/facade-fetch.ts';
import { openRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until, untilAsked } from '../support/until.ts';

const model = 'llama3.2:3b';
const small = 'qwen2.5:0.5b';
const question = { model, prompt: 'Hi', stream: false };
const messages = [{ role: 'user' as const, content: 'Hi' }];
let demo: RunningDemo;
let bench: PresetBench;

async function start(quirks: Quirks = {}, settings: Settings = {}, file: Settings = {}): Promise<void> {
  const card = sharedCard(16_376);
  demo = await startDemo((options) => createOllama({ ...options, quirks }), card);
  bench = await PresetBench.start({ preset: 'ollama', kind: 'llm', url: demo.url, card, settings: { vram_resident_mib: 5000, ...settings }, file });
}

afterEach(async () => {
  demo.time.go();
  await bench.stop();
  await demo.stop();
});

async function loaded(): Promise<readonly string[]> {
  const { models }: { models: { name: string }[] } = JSON.parse((await demo.get('/api/ps')).body);
  return models.map(({ name }) => name);
}

/** Lets the pause under way end, and holds the next. */
function nextWord(): void {
  demo.time.go();
  demo.time.hold();
}

async function lastOf<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  let last: T | undefined;
  for await (const each of stream) last = each;
  return last;
}

function ollamaMib(): number {
  return bench.card.memory.usedMib() - (bench.rival.loaded ? 14_000 : 0);
}

/** A generation that did not come through the broker; it stands until time goes on. */
async function workBehindOurBack() {
  await demo.post('/api/generate', { model });
  await bench.becomes({ residency: 'resident' });
  await bench.cardIsRead();
  demo.time.hold();
  const open = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model, prompt: 'Hi' } });
  await until(() => bench.atWork === 1);
  return open;
}

describe('residency', () => {
  test('is what Ollama says, with its bytes, also when its models have gone by themselves', async () => {
    await start();
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 0 });
    expect((await bench.ask(question).ended).status).toBe(200);
    await bench.becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: 4000, gpu_resident_source: 'self' });
    await bench.ask({ ...question, model: small }).ended;
    await bench.becomes({ gpu_resident_mib: 5000 });
    for (const each of [model, small]) await bench.ask({ ...question, model: each, keep_alive: '1ms' }).ended;
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 0 });
  });

  test.each([
    [true, 'resident'],
    [false, 'absent'],
  ])('of a model that still loads: early_listing %p, %s', async (early, residency) => {
    await start({ early_listing: early });
    demo.time.hold();
    const load = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model } });
    await until(() => bench.atWork === 1);
    // Listed with 0 bytes, which would mean a bare context.
    await bench.becomes({ residency, residency_source: 'self' });
    demo.time.go();
    expect((await load.ended).status).toBe(200);
    await bench.becomes({ residency: 'resident', gpu_resident_mib: 4000 });
  });

  test('is known to a new broker before its first request, which unloads nothing that it need not', async () => {
    await start();
    await bench.ask(question).ended;
    await bench.restart();
    await bench.becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: 4000 });
    expect((await bench.ask(question).ended).status).toBe(200);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
    expect(bench.work.filter((job) => job === 'ollama load')).toHaveLength(1);
    expect((await bench.askRival().ended).status).toBe(200);
    expect((await bench.broker.status()).scheduler.evictions).toBe(1);
  });
});

describe('making room', () => {
  test.each<[string, Quirks]>([
    ['as in v0.33', {}],
    ['when /api/ps says more than it knows', { memory_returns_late: true, ps_hangs_while_unloading: false }],
    ['when the list hangs and the memory is late', { memory_returns_late: true }],
  ])('unloads every model and waits until the memory is free: %s', async (_, quirks) => {
    await start(quirks);
    await bench.ask(question).ended;
    await bench.ask({ ...question, model: small }).ended;
    await bench.becomes({ gpu_resident_mib: 5000 });
    demo.time.hold();
    const waiting = bench.askRival();
    // The two processes that are to exit.
    await until(() => demo.time.pending === 2);
    expect(bench.rival.jobs).toHaveLength(0);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(ollamaMib()).toBe(0);
    await bench.becomes({ residency: 'absent', residency_source: 'self', healthy: true });
    const again = await bench.ask(question).ended;
    expect(JSON.parse(again.body)).toMatchObject({ done_reason: 'stop' });
    expect(bench.rival.loaded).toBe(false);
    expect(bench.overlaps).toEqual([]);
  });

  test('waits for work that did not come through the broker, and does not cut it', async () => {
    await start();
    const theirs = await workBehindOurBack();
    const waiting = bench.askRival();
    await untilAsked(async () => (await bench.state()).residency === 'unloading');
    expect(bench.rival.jobs).toHaveLength(0);
    demo.time.go();
    expect(await theirs.ended).toMatchObject({ status: 200, complete: true, body: expect.stringContaining('"done":true') });
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('gives up when that work does not end in time, and says so', async () => {
    const unload = { path: '/api/generate', body: { model: '{name}', keep_alive: 0 }, for_each_loaded: true, in_flight: 'waits', timeout: '200ms' };
    await start({}, { unload });
    const theirs = await workBehindOurBack();
    const answer = await bench.askRival().ended;
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'eviction_failed', retryable: true });
    expect(bench.broker.logger.lines.find(({ message }) => message === 'unload failed')?.fields).toMatchObject({
      error: 'it still says that it is loaded; it may work on something that did not come through the broker',
    });
    demo.time.go();
    expect((await theirs.ended).complete).toBe(true);
  });

  test('by hand succeeds when the model has gone already', async () => {
    await start();
    await bench.ask(question).ended;
    await demo.post('/api/generate', { model, keep_alive: 0 });
    await bench.becomes({ residency: 'absent' });
    const answer = await bench.byHand('unload');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { consumer: 'server', residency: 'absent' }]);
  });

  test('waits for a load that is under way behind our back, and then unloads', async () => {
    await start({ early_listing: true });
    demo.time.hold();
    const load = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model } });
    await bench.becomes({ residency: 'resident' });
    const unloading = bench.byHand('unload');
    await bench.becomes({ residency: 'unloading' });
    demo.time.go();
    expect((await load.ended).status).toBe(200);
    expect((await unloading).status).toBe(200);
    expect(await loaded()).toEqual([]);
  });
});

test('with the variable `model` it is loaded before the request that needs it', async () => {
  await start({}, { variables: { model } });
  await bench.becomes({ residency: 'absent', residency_source: 'self' });
  expect(JSON.parse((await bench.byHand('load')).body)).toEqual({ consumer: 'server', residency: 'resident' });
  expect(await loaded()).toEqual([model]);
  expect((await bench.askRival().ended).status).toBe(200);
  const answer = await bench.ask(question).ended;
  expect(answer.headers['server-timing']).toMatch(/evict;dur=[\d.]+, load;dur=[\d.]+, upstream/);
  expect(bench.work).toEqual(['ollama load', 'rival work', 'ollama load', 'ollama generate']);
});

describe('a client that leaves', () => {
  test.each([true, false])('before the answer ends the work (stream: %p), and nobody begins before that', async (stream) => {
    await start();
    await bench.ask(question).ended;
    demo.time.hold();
    const leaving = bench.ask({ ...question, stream });
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
    await bench.ask(question).ended;
    demo.time.hold();
    const leaving = bench.ask({ model, prompt: 'Hi' });
    await until(() => bench.atWork === 1);
    nextWord();
    await leaving.response;
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => demo.time.aborted === 1);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test.each([
    [true, 'absent'],
    [false, 'resident'],
  ])('while its model loads: load_dies_with_its_client %p leaves it %s', async (dies, residency) => {
    await start({ load_dies_with_its_client: dies });
    demo.time.hold();
    const leaving = bench.ask(question);
    await until(() => bench.atWork === 1);
    leaving.abort();
    await bench.broker.running(0);
    demo.time.go();
    await bench.becomes({ residency, residency_source: 'self' });
    expect(bench.work).toEqual(['ollama load']);
    // What it still holds is seen, and taken from it.
    expect((await bench.askRival().ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });
});

describe('what Ollama answers', () => {
  test.each([
    [true, 200, /"done":false\}\n\{"error":"an error was encountered[^\n]*\n$/],
    [false, 500, /^\{"error":"an error was encountered[^\n]*\}$/],
  ])('when it breaks in the middle passes as it is (stream: %p)', async (stream, status, body) => {
    await start({ mid_stream_error: true });
    expect(await bench.ask({ ...question, stream }).ended).toMatchObject({ status, body: expect.stringMatching(body), complete: true });
    await bench.broker.running(0);
  });

  test('to a request of one too many passes as it is', async () => {
    await start({ small_queue: true }, { max_concurrency: 4 }, { gpu: { concurrency: 4 } });
    demo.time.hold();
    const some = [1, 2, 3].map(() => bench.ask(question));
    await bench.broker.running(3);
    await until(() => demo.seen() > 0 && bench.atWork === 1);
    await untilAsked(async () => (await demo.post('/api/generate', question)).status === 503);
    const answer = await bench.ask(question).ended;
    expect(answer).toMatchObject({ status: 503, body: '{"error":"server busy, please try again.  maximum pending requests exceeded"}' });
    expect(answer.headers).not.toHaveProperty('retry-after');
    demo.time.go();
    expect((await Promise.all(some.map(({ ended }) => ended))).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('is not 403 for a page or a host name that the broker admits', async () => {
    await start({}, {}, { access: { hosts: ['gpu.example.com'] } });
    const page = { host: 'gpu.example.com', origin: 'http://gpu.example.com' };
    expect(await demo.post('/api/generate', question, page)).toMatchObject({ status: 403, body: '' });
    expect((await bench.ask(question, page).ended).status).toBe(200);
  });

  test.each([true, false])('to other options, with options_reload %p, is an answer all the same', async (reloads) => {
    await start({ options_reload: reloads });
    await bench.ask(question).ended;
    expect((await bench.ask({ ...question, options: { num_ctx: 8192 } }).ended).status).toBe(200);
    expect(bench.work.filter((job) => job === 'ollama load')).toHaveLength(reloads ? 2 : 1);
    await bench.becomes({ residency: 'resident', gpu_resident_mib: 4000 });
  });
});

describe("Ollama's own client", () => {
  const chat = { paths: { llm: { path: '/api/chat' } } };

  function client(): Ollama {
    return new Ollama({ host: demo.url, fetch: facadeFetch({ url: bench.facade, path: '/api/chat' }) });
  }

  test('chats through the broker, streamed or not, and lists the models', async () => {
    await start({}, chat);
    let said = '';
    for await (const { message } of await client().chat({ model, messages, stream: true })) said += message.content;
    expect(said).toMatch(/^You asked: "Hi"/);
    expect((await client().chat({ model, messages })).message.content).toBe(said);
    expect((await client().ps()).models).toMatchObject([{ name: model }]);
    expect((await bench.broker.status()).scheduler.total_jobs).toBe(2);
  });

  test('aborts a stream, and the work with it', async () => {
    await start({}, chat);
    await demo.post('/api/generate', { model });
    demo.time.hold();
    const asked = client().chat({ model, messages, stream: true });
    await until(() => bench.atWork === 1);
    nextWord();
    const stream = await asked;
    stream.abort();
    await expect(lastOf(stream)).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => demo.time.aborted === 1);
    await bench.broker.running(0);
    expect(bench.atWork).toBe(0);
  });

  test('reads a refusal of the broker', async () => {
    await start({}, chat);
    bench.card.hold('game', 12_000, 1);
    await bench.cardIsRead();
    await expect(client().chat({ model, messages })).rejects.toMatchObject({ status_code: 503, error: 'insufficient_vram' });
  });
});

describe("OpenAI's client", () => {
  const chat = { paths: { llm: { path: '/v1/chat/completions' } } };

  function client(): OpenAI {
    const fetch = facadeFetch({ url: bench.facade, path: '/v1/chat/completions' });
    return new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'none', maxRetries: 0, fetch });
  }

  test('chats through the broker, streamed or not', async () => {
    await start({}, chat);
    let said = '';
    const stream = await client().chat.completions.create({ model, messages, stream: true });
    for await (const { choices } of stream) said += choices[0]?.delta.content ?? '';
    expect(said).toMatch(/^You asked: "Hi"/);
    expect(await client().chat.completions.create({ model, messages })).toMatchObject({ choices: [{ message: { content: said } }] });
    expect((await client().models.list()).data).toHaveLength(2);
  });

  test('aborts a stream, and the work with it', async () => {
    await start({}, chat);
    await demo.post('/api/generate', { model });
    demo.time.hold();
    const leaving = new AbortController();
    const asked = client().chat.completions.create({ model, messages, stream: true }, { signal: leaving.signal });
    await until(() => bench.atWork === 1);
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ message: 'Request was aborted.' });
    await until(() => demo.time.aborted === 1);
    await bench.broker.running(0);
  });

  test('reads a refusal of the broker', async () => {
    await start({}, chat);
    bench.card.hold('game', 12_000, 1);
    await bench.cardIsRead();
    const asked = client().chat.completions.create({ model, messages });
    await expect(asked).rejects.toMatchObject({ status: 503, error: 'insufficient_vram' });
  });
});
