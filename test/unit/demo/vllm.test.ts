import { afterEach, describe, expect, test } from '@jest/globals';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { createVllm } from '../../../lib/demo/servers/vllm.ts';
import { readWork } from '../../../lib/demo/servers/work-record.ts';
import { forkDemo, startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { fakeCard } from '../../support/fake-card.ts';
import { openRequest, rawRequest } from '../../support/http.ts';
import type { OpenRequest } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const model = 'Qwen/Qwen2.5-3B-Instruct';
const chat = { model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 };
const endless = { ...chat, max_tokens: 3000, ignore_eos: true };
let demo: RunningDemo;

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<void> {
  demo = await startDemo((options) => createVllm({ ...options, quirks }));
}

async function get(path: string): Promise<unknown> {
  return JSON.parse((await demo.get(path)).body);
}

function events(body: string): unknown[] {
  return body.trimEnd().split('\n\n').map((event): unknown => {
    const data = event.replace(/^data: /, '');
    return data === '[DONE]' ? data : JSON.parse(data);
  });
}

function ask(body: unknown): OpenRequest {
  return openRequest({ url: `${demo.url}/v1/chat/completions`, method: 'POST', body });
}

/** Lets the pauses under way end and holds the next. */
async function step(): Promise<void> {
  const { length } = demo.time.pauses;
  demo.time.go();
  demo.time.hold();
  await until(() => demo.time.pauses.length > length);
}

/** Asks with the time held, and resolves when it has its first token. */
async function running(body: object): Promise<OpenRequest> {
  demo.time.hold();
  const open = ask(body);
  await until(() => demo.time.pending === 1);
  await step();
  await step();
  return open;
}

async function metric(row: string): Promise<void> {
  while (!(await demo.get('/metrics')).body.includes(row));
}

async function isSleeping(): Promise<boolean> {
  const { is_sleeping: asleep }: { is_sleeping: boolean } = JSON.parse((await demo.get('/is_sleeping')).body);
  return asleep;
}

async function paused(): Promise<void> {
  while ((await demo.get('/is_paused')).body !== '{"is_paused":true}');
}

describe('awake', () => {
  test('it has reserved its memory before the port opens', async () => {
    await start();
    expect(demo.card.memory.usedMib()).toBe(7000);
    await expect(startDemo(createVllm, 6000)).rejects.toThrow(/^Free memory on device \(6000 MiB\) on startup is less than/);
  });

  test('it is well with an empty answer, and says nothing of how long connections last', async () => {
    await start();
    const answer = await demo.get('/health', { connection: 'keep-alive' });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers).not.toHaveProperty('keep-alive');
    expect((await demo.post('/ping')).status).toBe(200);
    const both = await rawRequest(demo.port, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(both.toString().match(/200 OK/g)).toHaveLength(2);
    await demo.stop();
    await start({ silent_keep_alive: false });
    expect((await demo.get('/health', { connection: 'keep-alive' })).headers['keep-alive']).toBe('timeout=5');
  });

  test('it says what it is', async () => {
    await start();
    expect(await get('/version')).toEqual({ version: expect.any(String) });
    expect(await get('/v1/models')).toMatchObject({ object: 'list', data: [{ id: model, owned_by: 'vllm' }] });
  });

  test('it streams chats as events', async () => {
    await start();
    const answer = await demo.post('/v1/chat/completions', { ...chat, stream: true, stream_options: { include_usage: true } });
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const all = events(answer.body);
    expect(all[0]).toMatchObject({ object: 'chat.completion.chunk', model, choices: [{ delta: { role: 'assistant', content: '' }, logprobs: null }] });
    expect(all[1]).toMatchObject({ choices: [{ delta: { content: 'You ' }, finish_reason: null }] });
    expect(all.at(-3)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
    expect(all.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 5 } });
    expect(all.at(-1)).toBe('[DONE]');
  });

  test('it answers chats and prompts in one piece', async () => {
    await start();
    const answer = await demo.post('/v1/chat/completions', chat);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body)).toMatchObject({ object: 'chat.completion', choices: [{ message: { role: 'assistant' }, finish_reason: 'length' }], usage: { completion_tokens: 5 } });
    const text = await demo.post('/v1/completions', { prompt: 'Hi' });
    expect(JSON.parse(text.body)).toMatchObject({ object: 'text_completion', usage: { completion_tokens: 16 } });
  });

  test('its errors have the shape of OpenAI', async () => {
    await start();
    const refusal = async (body: unknown): Promise<unknown> => {
      const { error }: { error: unknown } = JSON.parse((await demo.post('/v1/chat/completions', body)).body);
      return error;
    };
    expect(await refusal('{')).toMatchObject({ type: 'Bad Request', code: 400 });
    expect(await refusal({ model })).toMatchObject({ code: 400, message: expect.stringContaining('messages') });
    expect(await refusal({ ...chat, model: 'nope' })).toEqual({ message: 'The model `nope` does not exist.', type: 'NotFoundError', param: null, code: 404 });
    expect(await refusal({ messages: [{ role: 'user', content: 'x'.repeat(20_000) }] })).toMatchObject({ code: 400, message: expect.stringContaining('maximum context length') });
    expect(await demo.get('/nope')).toMatchObject({ status: 404 });
    expect(await demo.get('/sleep')).toMatchObject({ status: 405 });
  });

  test('an answer can break in the middle', async () => {
    await start({ mid_stream_error: true });
    const { status, body } = await demo.post('/v1/chat/completions', { ...chat, stream: true });
    expect(status).toBe(200);
    expect(events(body).slice(-2)).toEqual([{ error: expect.objectContaining({ code: 500 }) }, '[DONE]']);
    expect((await demo.post('/v1/chat/completions', chat)).status).toBe(500);
  });

  test('it counts what it works on', async () => {
    await start();
    const open = await running(endless);
    expect(await get('/load')).toEqual({ server_load: 1 });
    await metric(`vllm:num_requests_running{engine="0",model_name="${model}"} 1.0`);
    await metric(`vllm:engine_sleep_state{engine="0",model_name="${model}",sleep_state="awake"} 1.0`);
    open.abort();
    await metric(`vllm:num_requests_running{engine="0",model_name="${model}"} 0.0`);
    await metric(`vllm:generation_tokens_total{engine="0",model_name="${model}"} 1.0`);
    expect(await get('/load')).toEqual({ server_load: 0 });
  });

  test('it counts no load without load_tracking', async () => {
    await start({ load_tracking: false });
    const open = await running(endless);
    expect(await get('/load')).toEqual({ server_load: 0 });
    open.abort();
  });

  test.each([true, false])('it stops when its client leaves (stream: %p)', async (stream) => {
    await start();
    const open = await running({ ...endless, stream });
    open.abort();
    await until(() => demo.time.aborted === 1);
    await metric(`vllm:num_requests_running{engine="0",model_name="${model}"} 0.0`);
  });
});

describe('asleep', () => {
  test('it keeps its context only, is still well, and wakes with all its memory', async () => {
    await start();
    expect(await demo.post('/sleep?level=1')).toMatchObject({ status: 200, body: '' });
    expect(demo.card.memory.usedMib()).toBe(1200);
    expect(await isSleeping()).toBe(true);
    expect(await demo.get('/health')).toMatchObject({ status: 200, body: '' });
    await metric(`vllm:engine_sleep_state{engine="0",model_name="${model}",sleep_state="weights_offloaded"} 1.0`);
    expect((await demo.post('/sleep')).status).toBe(200);
    expect(await demo.post('/wake_up')).toMatchObject({ status: 200, body: '' });
    expect(demo.card.memory.usedMib()).toBe(7000);
    expect(await isSleeping()).toBe(false);
    expect((await demo.post('/wake_up')).status).toBe(200);
    expect(demo.card.memory.usedMib()).toBe(7000);
  });

  test('it can keep nothing at all', async () => {
    await start({ residual_stays: false });
    await demo.post('/sleep');
    expect(demo.card.memory.usedMib()).toBe(0);
    await demo.post('/wake_up');
    expect(demo.card.memory.usedMib()).toBe(7000);
  });

  test('it answers /sleep when the memory is free', async () => {
    await start();
    demo.time.hold();
    const sleep = openRequest({ url: `${demo.url}/sleep`, method: 'POST' });
    await until(() => demo.time.pending === 1);
    expect(await isSleeping()).toBe(false);
    expect(demo.card.memory.usedMib()).toBe(7000);
    demo.time.go();
    await sleep.ended;
    expect(demo.card.memory.usedMib()).toBe(1200);
  });

  test('it answers /sleep before that with sleep_returns_early', async () => {
    await start({ sleep_returns_early: true });
    demo.time.hold();
    expect((await demo.post('/sleep')).status).toBe(200);
    expect(demo.card.memory.usedMib()).toBe(7000);
    demo.time.go();
    await until(() => demo.card.memory.usedMib() === 1200);
  });

  test('it has no such thing without dev_mode', async () => {
    await start({ dev_mode: false });
    expect((await demo.post('/sleep?level=1')).status).toBe(404);
    expect((await demo.get('/is_sleeping')).status).toBe(404);
    expect(demo.card.memory.usedMib()).toBe(7000);
  });

  test('it lets requests hang until it wakes, streams with their head', async () => {
    await start();
    await demo.post('/sleep');
    const [stream, whole] = [ask({ ...chat, stream: true }), ask(chat)];
    expect((await stream.response).statusCode).toBe(200);
    await metric(`vllm:num_requests_waiting{engine="0",model_name="${model}"} 2.0`);
    const pauses = demo.time.pauses.length;
    await demo.get('/health');
    expect(demo.time.pauses).toHaveLength(pauses);
    await demo.post('/wake_up');
    expect((await stream.ended).body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect((await whole.ended).status).toBe(200);
  });

  test('it gives a hanging stream no head without stream_head_at_once', async () => {
    await start({ stream_head_at_once: false });
    await demo.post('/sleep');
    const open = ask({ ...chat, stream: true });
    let answered = false;
    open.request.once('response', () => (answered = true));
    await metric(`vllm:num_requests_waiting{engine="0",model_name="${model}"} 1.0`);
    expect(answered).toBe(false);
    await demo.post('/wake_up');
    expect((await open.ended).status).toBe(200);
  });

  test('it forgets a hanging request whose client leaves', async () => {
    await start();
    await demo.post('/sleep');
    const open = ask(chat);
    await metric(`vllm:num_requests_waiting{engine="0",model_name="${model}"} 1.0`);
    open.abort();
    await metric(`vllm:num_requests_waiting{engine="0",model_name="${model}"} 0.0`);
  });

  test('it is killed by a request with asleep_request_kills', async () => {
    await start({ asleep_request_kills: true });
    await demo.post('/sleep');
    expect(await demo.post('/v1/chat/completions', chat)).toMatchObject({ status: 500, body: expect.stringContaining('EngineCore') });
    expect(await demo.get('/health')).toMatchObject({ status: 503, body: '' });
    expect((await demo.post('/wake_up')).status).toBe(500);
    expect(demo.card.memory.usedMib()).toBe(0);
  });
});

describe('going to sleep', () => {
  test('ends running streams as if they were complete', async () => {
    await start();
    const open = await running({ ...endless, stream: true });
    const sleep = openRequest({ url: `${demo.url}/sleep?level=1`, method: 'POST' });
    const all = events((await open.ended).body);
    expect(all.at(-2)).toMatchObject({ choices: [{ finish_reason: 'abort' }] });
    expect(all.at(-1)).toBe('[DONE]');
    demo.time.go();
    expect((await sleep.ended).status).toBe(200);
    expect(demo.card.memory.usedMib()).toBe(1200);
  });

  test('ends running answers in one piece with what there is', async () => {
    await start();
    const open = await running(endless);
    await demo.post('/pause?mode=abort');
    expect(await get('/is_paused')).toEqual({ is_paused: true });
    const { status, body } = await open.ended;
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ choices: [{ message: { content: 'You ' }, finish_reason: 'abort' }] });
    await demo.post('/resume');
    demo.time.go();
    expect((await demo.post('/v1/chat/completions', chat)).status).toBe(200);
  });

  test.each([
    ['mode=wait', {}],
    ['', { sleep_aborts: false }],
  ])('waits for them with %p and %p', async (query, quirks) => {
    await start(quirks);
    const open = await running({ ...chat, stream: true });
    const sleep = openRequest({ url: `${demo.url}/sleep?${query}`, method: 'POST' });
    await paused();
    demo.time.go();
    expect(events((await open.ended).body).at(-2)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
    await sleep.ended;
    expect(demo.card.memory.usedMib()).toBe(1200);
  });

  test('freezes them with mode=keep, and they go on after the wake-up', async () => {
    await start();
    const open = await running({ ...chat, stream: true });
    const sleep = openRequest({ url: `${demo.url}/sleep?mode=keep`, method: 'POST' });
    await paused();
    demo.time.go();
    await sleep.ended;
    expect(await isSleeping()).toBe(true);
    await metric(`vllm:num_requests_running{engine="0",model_name="${model}"} 1.0`);
    await demo.post('/wake_up');
    expect(events((await open.ended).body).at(-2)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
  });

  test('with level 0 only pauses', async () => {
    await start();
    await demo.post('/sleep?level=0');
    expect(demo.card.memory.usedMib()).toBe(7000);
    expect(await isSleeping()).toBe(false);
    const open = ask(chat);
    await metric(`vllm:num_requests_waiting{engine="0",model_name="${model}"} 1.0`);
    await demo.post('/wake_up');
    expect((await open.ended).status).toBe(200);
  });

  test('with level 2 needs the weights again, part by part', async () => {
    await start();
    await demo.post('/sleep?level=2');
    await demo.post('/wake_up?tags=weights');
    expect(demo.card.memory.usedMib()).toBe(5000);
    expect(await isSleeping()).toBe(true);
    await demo.post('/wake_up?tags=kv_cache');
    expect(await isSleeping()).toBe(false);
    expect((await demo.post('/v1/chat/completions', chat)).body).toContain('"!!!!!"');
    expect((await demo.post('/collective_rpc', { method: 'reload_weights' })).status).toBe(200);
    expect((await demo.post('/v1/chat/completions', chat)).body).toContain('You asked');
  });

  test('refuses what makes no sense', async () => {
    await start();
    for (const path of ['/sleep?level=x', '/sleep?mode=x', '/wake_up?tags=x']) expect((await demo.post(path)).status).toBe(500);
    expect((await demo.post('/collective_rpc', {})).status).toBe(400);
  });
});

describe('a wake-up that does not fit', () => {
  async function failing(quirks: Quirks): Promise<void> {
    await start(quirks);
    await demo.post('/sleep');
    demo.card.hold('game', 12_000, process.ppid);
    expect(await demo.post('/wake_up')).toMatchObject({ status: 500, body: expect.stringContaining('CUDA out of memory') });
  }

  test('is 500 and loses what it had taken until then', async () => {
    await failing({});
    expect(await isSleeping()).toBe(true);
    const leakedMib = demo.card.memory.usedMib() - 12_000 - 1200;
    expect(leakedMib).toBeGreaterThan(0);
    demo.card.hold('game', 0, process.ppid);
    expect((await demo.post('/wake_up')).status).toBe(200);
    expect(demo.card.memory.usedMib()).toBe(7000 + leakedMib);
    await demo.post('/sleep');
    expect(demo.card.memory.usedMib()).toBe(1200 + leakedMib);
  });

  test('loses nothing without wake_leaks', async () => {
    await failing({ wake_leaks: false });
    expect(demo.card.memory.usedMib()).toBe(13_200);
  });

  test('kills the engine with wake_oom_kills, hanging streams with it', async () => {
    await start({ wake_oom_kills: true });
    await demo.post('/sleep');
    const open = ask({ ...chat, stream: true });
    await metric(`vllm:num_requests_waiting{engine="0",model_name="${model}"} 1.0`);
    demo.card.hold('game', 12_000, process.ppid);
    expect((await demo.post('/wake_up')).status).toBe(500);
    expect(events((await open.ended).body)).toEqual([{ error: expect.objectContaining({ code: 500 }) }, '[DONE]']);
    expect((await demo.get('/health')).status).toBe(503);
    await demo.stop();
    await failing({ wake_oom_kills: true, health_ignores_engine: true });
    expect((await demo.get('/health')).status).toBe(200);
  });
});

test('as a process of its own it has its work on the card’s record', async () => {
  await start();
  const card = fakeCard({ totalMib: 16_376 });
  const vllm = await forkDemo('vllm', card);
  try {
    await fetch(`${vllm.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(chat) });
    expect(readWork(card.dir).lines.map(({ server, event, job }) => `${server} ${event} ${job}`)).toEqual([
      'vllm begin load',
      'vllm end load',
      'vllm begin chat',
      'vllm end chat',
    ]);
  } finally {
    await vllm.stop();
  }
  expect(card.memory.usedMib()).toBe(0);
  card.cleanup();
});
