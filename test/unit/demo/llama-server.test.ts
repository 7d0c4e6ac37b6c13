import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { createLlamaServer, LLAMA_SERVER_QUIRKS } from '../../../lib/demo/servers/llama-server.ts';
import { readWork } from '../../../lib/demo/servers/work-record.ts';
import { forkDemo, startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { fakeCard } from '../../support/fake-card.ts';
import { HeldTime } from '../../support/held-time.ts';
import { openRequest, request } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const chat = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 };
const endless = { ...chat, max_tokens: 3500, ignore_eos: true };
let demo: RunningDemo;

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<void> {
  demo = await startDemo((options) => createLlamaServer({ ...options, quirks }));
  expect((await demo.get('/health')).status).toBe(200);
}

async function get(path: string): Promise<unknown> {
  return JSON.parse((await demo.get(path)).body);
}

/** The events of a stream, without the last line break. */
function events(body: string): unknown[] {
  return body.trimEnd().split('\n\n').map((event): unknown => {
    const data = event.replace(/^data: /, '');
    return data === '[DONE]' ? data : JSON.parse(data);
  });
}

function ask(body: unknown, path = '/v1/chat/completions'): ReturnType<typeof openRequest> {
  return openRequest({ url: demo.url + path, method: 'POST', body });
}

/** Lets every pause that is under way end, and holds the ones after it. */
function step(): void {
  demo.time.go();
  demo.time.hold();
}

/** Asks with the time held, and resolves when the stream has begun. */
async function streaming(body: object): Promise<ReturnType<typeof openRequest>> {
  demo.time.hold();
  const open = ask({ ...body, stream: true });
  await until(() => demo.time.pending === 1);
  step();
  await open.response;
  return open;
}

async function metrics(text: string): Promise<void> {
  while (!(await demo.get('/metrics')).body.includes(`\nllamacpp:${text}\n`));
}

describe('an answer', () => {
  test('streams as events, with the finish and [DONE] at the end', async () => {
    await start();
    const answer = await demo.post('/v1/chat/completions', { ...chat, stream: true });
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', 'transfer-encoding': 'chunked', server: 'llama.cpp' });
    const all = events(answer.body);
    expect(all[0]).toMatchObject({ object: 'chat.completion.chunk', model: 'llama-3.2-3b', choices: [{ delta: { role: 'assistant', content: null }, finish_reason: null }] });
    expect(all[1]).toMatchObject({ choices: [{ index: 0, delta: { content: 'You ' }, finish_reason: null }], system_fingerprint: expect.any(String) });
    expect(all.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'length' }], timings: { predicted_n: 5 } });
    expect(all.at(-1)).toBe('[DONE]');
    expect(all).toHaveLength(1 + 5 + 2);
  });

  test('tells the usage of a stream when it is asked to', async () => {
    await start();
    const { body } = await demo.post('/v1/chat/completions', { ...chat, stream: true, stream_options: { include_usage: true } });
    expect(events(body).at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 5, prompt_tokens: 1, total_tokens: 6 } });
  });

  test('comes in one piece otherwise', async () => {
    await start();
    const answer = await demo.post('/v1/chat/completions', { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const message = { role: 'assistant', content: expect.stringContaining('You asked: "Hi".') };
    expect(JSON.parse(answer.body)).toMatchObject({ object: 'chat.completion', choices: [{ message, finish_reason: 'stop' }] });
  });

  test('to a bare prompt is text', async () => {
    await start();
    const { body } = await demo.post('/v1/completions', { prompt: 'Hi', max_tokens: 2 });
    expect(JSON.parse(body)).toMatchObject({ object: 'text_completion', choices: [{ text: 'You asked: ', finish_reason: 'length' }] });
  });

  test('in the native way ends with stop and no [DONE]', async () => {
    await start();
    const all = events((await demo.post('/completion', { prompt: 'Hi', n_predict: 2, stream: true })).body);
    expect(all).toEqual([
      { index: 0, content: 'You ', tokens: [], stop: false },
      { index: 0, content: 'asked: ', tokens: [], stop: false },
      expect.objectContaining({ content: '', stop: true, stop_type: 'limit', tokens_predicted: 2 }),
    ]);
  });

  test('breaks under status 200 with mid_stream_error', async () => {
    await start({ mid_stream_error: true });
    const { status, body } = await demo.post('/v1/chat/completions', { ...chat, stream: true });
    expect(status).toBe(200);
    expect(events(body)).toHaveLength(1 + 3 + 1);
    expect(events(body).at(-1)).toEqual({ error: { code: 500, message: expect.any(String), type: 'server_error' } });
  });
});

describe('an error', () => {
  test('has a shape and closes the connection', async () => {
    await start();
    const answer = await demo.get('/nope', { connection: 'keep-alive' });
    expect(answer).toMatchObject({ status: 404, headers: { connection: 'close' } });
    expect(JSON.parse(answer.body)).toEqual({ error: { code: 404, message: 'File Not Found', type: 'not_found_error' } });
    expect(JSON.parse((await demo.post('/v1/chat/completions', {})).body)).toMatchObject({ error: { code: 400, type: 'invalid_request_error' } });
  });

  test('is 500 for a body that is no JSON', async () => {
    await start();
    expect(await demo.post('/v1/chat/completions', '{')).toMatchObject({ status: 500, body: expect.stringContaining('parse_error') });
  });

  test('is less peculiar without its quirks', async () => {
    await start({ broken_json_is_500: false, error_closes: false });
    const answer = await request({ url: `${demo.url}/v1/chat/completions`, method: 'POST', body: '{', headers: { connection: 'keep-alive' } });
    expect(answer).toMatchObject({ status: 400, headers: { connection: 'keep-alive' } });
  });

  test('names what the context cannot hold', async () => {
    await start();
    const { status, body } = await demo.post('/completion', { prompt: 'x'.repeat(20_000) });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { type: 'exceed_context_size_error', n_prompt_tokens: 5000, n_ctx: 4096 } });
  });

  test('is 501 for what it was not started with', async () => {
    await start();
    expect(await demo.get('/metrics')).toMatchObject({ status: 501, body: expect.stringContaining('not_supported_error') });
    expect((await demo.post('/v1/embeddings', { input: 'x' })).status).toBe(501);
  });
});

test('idle connections are announced to end after 5 s, unless the quirk is off', async () => {
  await start();
  const kept = { connection: 'keep-alive' };
  expect((await demo.get('/health', kept)).headers['keep-alive']).toBe('timeout=5, max=100');
  await demo.stop();
  await start({ short_keep_alive: false });
  expect((await demo.get('/health', kept)).headers['keep-alive']).toBeUndefined();
});

test('pages of this machine are named, others get an empty header', async () => {
  await start();
  const allowed = async (origin: string): Promise<unknown> => (await demo.get('/health', { origin })).headers['access-control-allow-origin'];
  expect(await allowed('http://localhost:3000')).toBe('http://localhost:3000');
  expect(await allowed('http://evil.test')).toBe('');
  const preflight = await request({ url: `${demo.url}/v1/chat/completions`, method: 'OPTIONS' });
  expect(preflight).toMatchObject({ status: 200, headers: { 'access-control-allow-methods': 'GET, POST' } });
  await demo.stop();
  await start({ empty_cors: false });
  expect(await allowed('http://evil.test')).toBeUndefined();
});

describe('loading', () => {
  test('goes on behind the open port, and every path answers 503 until it ends', async () => {
    const time = new HeldTime();
    time.hold();
    demo = await startDemo((options) => createLlamaServer({ ...options, pause: time.pause }));
    for (const path of ['/health', '/v1/models', '/nope']) expect((await demo.get(path)).status).toBe(503);
    expect(await get('/health')).toEqual({ error: { code: 503, message: 'Loading model', type: 'unavailable_error' } });
    time.go();
    await until(() => demo.card.memory.usedMib() === 3000);
    expect(await get('/health')).toEqual({ status: 'ok' });
  });

  test('happens before the port opens without loads_after_bind', async () => {
    await start({ loads_after_bind: false });
    expect(demo.card.memory.usedMib()).toBe(3000);
    await expect(startDemo((options) => createLlamaServer({ ...options, quirks: { loads_after_bind: false } }), 1000)).rejects.toThrow(/^CUDA out of memory/);
  });

  test('that fails is the end of the process', async () => {
    await start();
    const card = fakeCard({ totalMib: 1000 });
    const server = await forkDemo('llama-server', card);
    await until(() => server.child.exitCode === 1);
    expect(card.memory.usedMib()).toBe(0);
    expect(readWork(card.dir).ooms).toHaveLength(1);
    card.cleanup();
  });
});

describe('slots', () => {
  const processing = async (): Promise<boolean[]> => {
    const slots: { is_processing: boolean }[] = JSON.parse((await demo.get('/slots')).body);
    return slots.map((slot) => slot.is_processing);
  };

  test('hold four requests; others are deferred until one is free', async () => {
    await start({ metrics: true });
    demo.time.hold();
    const open = Array.from({ length: 6 }, () => ask(chat));
    await metrics('requests_deferred 2');
    await metrics('requests_processing 4');
    expect(demo.time.pending).toBe(4);
    expect(await processing()).toEqual([true, true, true, true]);
    expect((await demo.get('/slots?fail_on_no_slot=1')).status).toBe(503);
    expect(await get('/health')).toEqual({ status: 'ok' });
    demo.time.go();
    for (const { ended } of open) expect((await ended).status).toBe(200);
    expect(await processing()).toEqual([false, false, false, false]);
    const slot = expect.objectContaining({ n_ctx: 4096, next_token: [expect.objectContaining({ n_decoded: 5 })] });
    expect(await get('/slots')).toEqual([slot, slot, slot, slot]);
  });

  test('are free again when a streaming client leaves', async () => {
    await start();
    const open = await streaming(endless);
    open.abort();
    await until(() => demo.time.aborted === 1);
    expect(await processing()).toEqual([false, false, false, false]);
  });

  test('are free some time after another client has left', async () => {
    await start();
    demo.time.hold();
    const open = ask(endless);
    await until(() => demo.time.pending === 1);
    open.abort();
    await until(() => demo.time.pending === 2);
    expect(demo.time.pauses.at(-1)).toBe(500);
    expect(await processing()).toContain(true);
    demo.time.go();
    await until(() => demo.time.aborted === 1);
    expect(await processing()).not.toContain(true);
    expect(demo.time.pauses.length).toBeLessThan(3500);
  });

  test('are free at once without late_cancel', async () => {
    await start({ late_cancel: false });
    demo.time.hold();
    const open = ask(endless);
    await until(() => demo.time.pending === 1);
    open.abort();
    await until(() => demo.time.aborted === 1);
    expect(await processing()).not.toContain(true);
  });

  test('are not taken by a deferred request whose client has left', async () => {
    await start({ metrics: true });
    demo.time.hold();
    const open = Array.from({ length: 4 }, () => ask(chat));
    await until(() => demo.time.pending === 4);
    const deferred = ask({ ...chat, stream: true });
    await metrics('requests_deferred 1');
    deferred.abort();
    await metrics('requests_deferred 0');
    demo.time.go();
    for (const { ended } of open) expect((await ended).status).toBe(200);
  });
});

describe('sleep', () => {
  test('frees the weights of an idle model, and the next request brings them back', async () => {
    await start({ sleep_when_idle: true });
    await until(() => demo.card.memory.usedMib() === 600);
    expect(demo.time.pauses.at(-1)).toBe(60_000);
    for (const path of ['/health', '/props', '/models']) expect((await demo.get(path)).status).toBe(200);
    expect(await get('/props')).toMatchObject({ is_sleeping: true, total_slots: 4 });
    expect(demo.card.memory.usedMib()).toBe(600);
    demo.time.hold();
    const open = ask(endless);
    await until(() => demo.time.pending === 1);
    expect(await get('/props')).toMatchObject({ is_sleeping: true });
    while ((await demo.get('/props')).body.includes('"is_sleeping":true')) step();
    expect(demo.card.memory.usedMib()).toBe(3000);
    open.abort();
  });

  test('ends, or is put off, when somebody looks at the slots', async () => {
    await start({ sleep_when_idle: true });
    await until(() => demo.card.memory.usedMib() === 600);
    demo.time.hold();
    const slots = openRequest({ url: `${demo.url}/slots` });
    await until(() => demo.time.pending === 1);
    while (demo.time.pauses.at(-1) !== 60_000) {
      const { length } = demo.time.pauses;
      step();
      await until(() => demo.time.pauses.length > length);
    }
    expect((await slots.ended).status).toBe(200);
    const { aborted } = demo.time;
    await demo.get('/slots');
    expect(demo.time.aborted).toBe(aborted + 1);
    demo.time.go();
    await until(() => demo.card.memory.usedMib() === 600);
  });

  test('can free everything', async () => {
    await start({ sleep_when_idle: true, sleep_keeps_context: false });
    await until(() => demo.card.memory.usedMib() === 0);
    expect((await demo.post('/v1/chat/completions', chat)).status).toBe(200);
  });

  test('from which there is no way back is the end of the process', async () => {
    await start({ sleep_when_idle: true });
    await until(() => demo.card.memory.usedMib() === 600);
    demo.card.hold('game', 15_000, process.ppid);
    const died = once(demo.server, 'error');
    expect((await demo.post('/v1/chat/completions', chat)).status).toBe(500);
    expect(String(await died)).toContain('CUDA out of memory');
    expect(demo.card.memory.usedMib()).toBe(15_000);
  });
});

test('its work is on the card’s record before the answer ends', async () => {
  await start();
  await demo.post('/v1/chat/completions', chat);
  const { lines, overlaps } = readWork(demo.card.dir);
  expect(lines.map(({ server, event, job }) => `${server} ${event} ${job}`)).toEqual([
    'llama-server begin load',
    'llama-server end load',
    'llama-server begin chat',
    'llama-server end chat',
  ]);
  expect(overlaps).toEqual([]);
});

test('a quirk that it does not have is refused by name', async () => {
  await start();
  expect(() => createLlamaServer({ card: demo.card.memory, quirks: { sleeps: true } })).toThrow(/got sleeps/);
  expect(Object.values(LLAMA_SERVER_QUIRKS).every(({ what }) => what.endsWith('.') || what.endsWith(')'))).toBe(true);
});
