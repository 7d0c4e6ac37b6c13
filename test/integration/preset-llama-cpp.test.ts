import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import { createLlamaServer, MODEL } from '../../lib/demo/servers/llama-server.ts';
import type { Settings } from '../support/broker.ts';
import { forkDemo, sharedCard, startDemo, unitCommands } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { facadeFetch } from '../support/facade-fetch.ts';
import { fakeCard } from '../support/fake-card.ts';
import { HeldTime } from '../support/held-time.ts';
import type { OpenRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const chat = { model: MODEL.name, messages, max_tokens: 3 };
/** As the preset's page offers it to those whose server never sleeps. */
const SLOTS = { path: '/slots', items: '', pointer: '/is_processing', ends_with_answer: true };
/** Of a model that sleeps when it is idle. */
const SLEEP_IDLE_MS = 60_000;
let demo: RunningDemo;
let time: HeldTime;
let bench: PresetBench;

async function start(quirks: Quirks = {}, settings: Settings = {}, isHeld = false): Promise<void> {
  const card = sharedCard(16_376);
  time = new HeldTime();
  if (isHeld) time.hold();
  demo = await startDemo((options) => createLlamaServer({ ...options, pause: time.pause, quirks }), card);
  const own = { vram_resident_mib: MODEL.mib, ...settings };
  bench = await PresetBench.start({ preset: 'llama.cpp', kind: 'llm', url: demo.url, card, settings: own });
}

afterEach(async () => {
  time.go();
  await bench.stop();
  await demo.stop();
});

/** Lets the pause under way end, and holds the next. */
function step(): void {
  time.go();
  time.hold();
}

/** Lets time go on until the answer is there and the model begins to be idle. */
async function answered(open: OpenRequest): Promise<void> {
  await until(() => {
    if (time.pauses.at(-1) === SLEEP_IDLE_MS) return true;
    step();
    return false;
  });
  expect((await open.ended).status).toBe(200);
}

describe('while it loads', () => {
  test('it is not ready, and its clients hear that at once', async () => {
    await start({}, {}, true);
    await bench.becomes({ healthy: false, last_error: 'GET /health answered 503: it is still loading' });
    const answer = await bench.ask(chat).ended;
    const said = { error: 'consumer_unreachable', message: expect.stringContaining('still loading') };
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, said]);
    time.go();
    await bench.becomes({ healthy: true, residency: 'resident', residency_source: 'self' });
    expect((await bench.ask(chat).ended).status).toBe(200);
  });
});

describe('residency', () => {
  test.each([
    [true, 600],
    [false, 0],
  ])('is whether it sleeps; asking does not wake it, and a request does: sleep_keeps_context %p', async (keeps, asleepMib) => {
    await start({ sleep_when_idle: true, sleep_keeps_context: keeps });
    await bench.becomes({ residency: 'absent', residency_source: 'self', healthy: true });
    expect(bench.card.memory.usedMib()).toBe(asleepMib);
    time.hold();
    const open = bench.ask(chat);
    await until(() => time.pending === 1);
    await answered(open);
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
    time.go();
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect(bench.card.memory.usedMib()).toBe(asleepMib);
  });

  test('is known to a new broker before its first request', async () => {
    await start();
    await bench.restart();
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
    expect((await bench.ask(chat).ended).status).toBe(200);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
  });

  test('as a process of its own its memory is measured, and a stopped one is absent', async () => {
    await start();
    await bench.stop();
    const card = fakeCard({ totalMib: 16_376 });
    const server = await forkDemo('llama-server', card);
    bench = await PresetBench.start({ preset: 'llama.cpp', kind: 'llm', url: server.url, card, settings: { vram_resident_mib: MODEL.mib } });
    await bench.becomes({ residency: 'resident', gpu_resident_mib: MODEL.mib, gpu_resident_source: 'process' });
    await server.stop();
    await bench.becomes({ residency: 'absent', residency_source: 'self', healthy: false });
    expect((await bench.ask(chat).ended).status).toBe(503);
  });
});

describe('making room', () => {
  test('is not possible while it is awake, as nothing unloads it', async () => {
    await start();
    await bench.becomes({ residency: 'resident' });
    await bench.cardIsRead();
    const answer = await bench.askRival().ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: 'insufficient_vram', retryable: true }]);
    expect((await bench.byHand('unload')).status).toBe(409);
    expect((await bench.ask(chat).ended).status).toBe(200);
  });

  test('is not needed while it sleeps', async () => {
    await start({ sleep_when_idle: true });
    await bench.becomes({ residency: 'absent' });
    await bench.cardIsRead();
    expect(await bench.askRival().ended).toMatchObject({ status: 200 });
  });

  test('by commands stops it, and starts it again for its next request', async () => {
    await start();
    await bench.stop();
    const card = fakeCard({ totalMib: 16_376 });
    const server = await forkDemo('llama-server', card);
    const { load, unload, end } = unitCommands('llama-server', server, card);
    const settings = { vram_resident_mib: MODEL.mib, load, unload };
    bench = await PresetBench.start({ preset: 'llama.cpp', kind: 'llm', url: server.url, card, settings });
    await bench.becomes({ residency: 'resident', gpu_resident_mib: MODEL.mib });
    expect(await bench.askRival().ended).toMatchObject({ status: 200 });
    await bench.becomes({ residency: 'absent', healthy: false, gpu_resident_mib: 0 });
    expect((await bench.ask(chat).ended).status).toBe(200);
    expect(bench.rival.loaded).toBe(false);
    expect(bench.work.slice(-2)).toEqual(['llama-server load', 'llama-server chat']);
    expect(bench.overlaps).toEqual([]);
    end();
  });
});

describe('a client that leaves', () => {
  /** Leaves while another request waits, which begins as soon as the broker lets it. */
  async function leaves(stream: boolean, untilGone: () => boolean, isInTheMiddle = false): Promise<void> {
    time.hold();
    const leaving = bench.ask({ ...chat, stream });
    await until(() => bench.atWork === 1);
    if (isInTheMiddle) {
      step();
      await leaving.response;
    }
    const waiting = bench.ask({ ...chat, max_tokens: 1 });
    await bench.broker.waiting(1);
    leaving.abort();
    await until(untilGone);
    time.go();
    expect((await waiting.ended).status).toBe(200);
  }

  /** Whether no request began before the one before it had ended. */
  function oneAfterTheOther(): boolean {
    return bench.lines.every(({ event }, at) => event === (at % 2 === 0 ? 'begin' : 'end'));
  }

  test.each([false, true])('ends its stream, and nobody begins before that (in the middle: %p)', async (isInTheMiddle) => {
    await start();
    await bench.becomes({ residency: 'resident' });
    await leaves(true, () => time.aborted === 1, isInTheMiddle);
    expect(oneAfterTheOther()).toBe(true);
  });

  test('of an answer in one piece has it awaited', async () => {
    await start();
    await bench.becomes({ residency: 'resident' });
    await leaves(false, () => bench.broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client left'));
    expect(time.aborted).toBe(0);
    expect(oneAfterTheOther()).toBe(true);
  });

  test('ends one that is noticed late too, and with a look at the slots nobody begins before that', async () => {
    await start({}, { busy: SLOTS, client_gone: 'close' });
    await bench.becomes({ residency: 'resident' });
    // The work, and the moment in which the server will see that its client is gone.
    await leaves(false, () => time.pending === 2);
    expect(oneAfterTheOther()).toBe(true);
  });
});

describe('what it answers', () => {
  test('when it breaks in the middle of a stream passes as it is', async () => {
    await start({ mid_stream_error: true });
    await bench.becomes({ residency: 'resident' });
    const answer = await bench.ask({ ...chat, max_tokens: 9, stream: true }).ended;
    expect(answer).toMatchObject({ status: 200, complete: true, body: expect.stringMatching(/\n\ndata: \{"error":\{"code":500,[^\n]*\n\n$/) });
    expect(answer.headers['x-accel-buffering']).toBe('no');
    await bench.broker.running(0);
  });

  test.each([
    [true, 500],
    [false, 400],
  ])('to what is no JSON passes as it is: broken_json_is_500 %p', async (isServerError, status) => {
    await start({ broken_json_is_500: isServerError });
    await bench.becomes({ residency: 'resident' });
    const answer = await bench.ask('{', { 'content-type': 'application/json' }).ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { error: { code: status } }]);
  });

  test.each([true, false])('in error may close the connection (error_closes %p), and the next request has another one', async (closes) => {
    await start({ error_closes: closes });
    await bench.becomes({ residency: 'resident' });
    for (const status of [400, 200, 400, 200]) expect((await bench.ask(status === 400 ? {} : chat).ended).status).toBe(status);
  });

  test('is whole when a connection has had its 100 requests', async () => {
    await start();
    await bench.becomes({ residency: 'resident' });
    const statuses = new Set<number>();
    for (let count = 0; count < 205; count++) statuses.add((await bench.ask({ ...chat, max_tokens: 1 }).ended).status);
    expect([...statuses]).toEqual([200]);
  });
});

describe("OpenAI's client", () => {
  function client(): OpenAI {
    const fetch = facadeFetch({ url: bench.facade, path: '/v1/chat/completions' });
    return new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'none', maxRetries: 0, fetch });
  }

  test('chats through the broker, streamed or not', async () => {
    await start();
    await bench.becomes({ residency: 'resident' });
    let said = '';
    for await (const { choices } of await client().chat.completions.create({ ...chat, stream: true })) said += choices[0]?.delta.content ?? '';
    expect(said).toMatch(/^You /);
    expect(await client().chat.completions.create(chat)).toMatchObject({ choices: [{ message: { content: said } }] });
    expect((await client().models.list()).data).toHaveLength(1);
    expect((await bench.broker.status()).scheduler.total_jobs).toBe(2);
  });

  test('aborts a stream, and the work with it', async () => {
    await start();
    await bench.becomes({ residency: 'resident' });
    time.hold();
    const asked = client().chat.completions.create({ ...chat, stream: true });
    await until(() => bench.atWork === 1);
    step();
    const stream = await asked;
    stream.controller.abort();
    await until(() => time.aborted === 1);
    await bench.broker.running(0);
    expect(bench.atWork).toBe(0);
  });

  test('reads a refusal of the broker', async () => {
    await start({}, {}, true);
    await bench.becomes({ healthy: false });
    await expect(client().chat.completions.create(chat)).rejects.toMatchObject({ status: 503, error: 'consumer_unreachable' });
  });
});
