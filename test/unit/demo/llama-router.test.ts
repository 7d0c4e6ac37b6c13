import { afterEach, describe, expect, test } from '@jest/globals';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { createLlamaRouter } from '../../../lib/demo/servers/llama-router.ts';
import { readWork } from '../../../lib/demo/servers/work-record.ts';
import { forkDemo, startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { fakeCard } from '../../support/fake-card.ts';
import { openRequest } from '../../support/http.ts';
import type { OpenRequest } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const model = 'qwen2.5-7b';
const small = 'stories260k';
const chat = { model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 };
const endless = { ...chat, max_tokens: 3500, ignore_eos: true };
let demo: RunningDemo;

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<void> {
  demo = await startDemo((options) => createLlamaRouter({ ...options, quirks }));
}

async function status(name = model): Promise<{ value: string } | undefined> {
  const { data }: { data: { id: string; status: { value: string } }[] } = JSON.parse((await demo.get('/models')).body);
  return data.find(({ id }) => id === name)?.status;
}

async function becomes(value: string, name = model): Promise<void> {
  while ((await status(name))?.value !== value);
}

async function refusal(answer: Promise<{ status: number; body: string }>): Promise<unknown> {
  const { status: code, body } = await answer;
  const { error } = JSON.parse(body);
  expect(error.code).toBe(code);
  return `${code} ${error.message}`;
}

function control(verb: 'load' | 'unload', name = model): ReturnType<RunningDemo['post']> {
  return demo.post(`/models/${verb}`, { model: name });
}

function ask(body: unknown): OpenRequest {
  return openRequest({ url: `${demo.url}/v1/chat/completions`, method: 'POST', body });
}

/** Lets every pause that is under way end, and holds the ones after it. */
function step(): void {
  demo.time.go();
  demo.time.hold();
}

/** Asks a loaded model with the time held, and resolves when it computes; a stream has begun then. */
async function running(body: { max_tokens: number; stream?: boolean }): Promise<OpenRequest> {
  await demo.post('/v1/chat/completions', { ...chat, max_tokens: 1 });
  demo.time.hold();
  const open = ask(body);
  await until(() => demo.time.pending === 1);
  if (body.stream !== true) return open;
  step();
  await open.response;
  return open;
}

describe('models', () => {
  test('are listed with their states, and the router is well without any', async () => {
    await start();
    expect(await demo.get('/health')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    expect(JSON.parse((await demo.get('/v1/models')).body)).toMatchObject({
      object: 'list',
      data: [{ id: model, owned_by: 'llamacpp', status: { value: 'unloaded' } }, { id: small, status: { value: 'unloaded' } }],
    });
    expect(JSON.parse((await demo.get('/props')).body)).toMatchObject({ role: 'router', models_autoload: true });
    expect(demo.card.memory.usedMib()).toBe(0);
  });

  test('are loaded by a request, which waits for it', async () => {
    await start();
    demo.time.hold();
    const open = ask(chat);
    await becomes('loading');
    demo.time.go();
    expect(await open.ended).toMatchObject({ status: 200, body: expect.stringContaining(`"model":"${model}"`) });
    expect(await status()).toMatchObject({ value: 'loaded' });
    expect(demo.card.memory.usedMib()).toBe(5000);
    await demo.post('/v1/chat/completions', { ...chat, model: small });
    expect(demo.card.memory.usedMib()).toBe(5300);
  });

  test('are not loaded by a request without models_autoload, nor with autoload=false', async () => {
    await start();
    expect(await refusal(demo.post('/v1/chat/completions?autoload=false', chat))).toBe('400 model is not loaded');
    await demo.stop();
    await start({ models_autoload: false });
    expect(await refusal(demo.post('/v1/chat/completions', chat))).toBe('400 model is not loaded');
    expect((await demo.post('/v1/chat/completions?autoload=1', chat)).status).toBe(200);
  });

  test('have to be named', async () => {
    await start();
    expect(await refusal(demo.get('/slots'))).toBe('400 model name is missing from the request');
    expect(await refusal(demo.get('/slots?model=nope'))).toBe("400 model 'nope' not found");
    expect(await refusal(demo.post('/v1/chat/completions', { ...chat, model: 'nope' }))).toBe("400 model 'nope' not found");
    expect(await refusal(demo.post('/v1/chat/completions', { messages: chat.messages }))).toBe('400 model name is missing from the request');
    expect(await demo.post('/v1/chat/completions', '{')).toMatchObject({ status: 500 });
    expect(JSON.parse((await demo.get(`/slots?model=${small}`)).body)).toHaveLength(4);
    expect(await status(small)).toMatchObject({ value: 'loaded' });
    expect(JSON.parse((await demo.get(`/props?model=${small}`)).body)).toMatchObject({ model_alias: small, is_sleeping: false });
  });

  test('need no name in GETs without gets_need_model', async () => {
    await start({ gets_need_model: false });
    expect((await demo.get('/slots')).status).toBe(200);
    expect(await status()).toMatchObject({ value: 'loaded' });
  });

  test('sleep when they are idle, with sleep_when_idle', async () => {
    await start({ sleep_when_idle: true });
    await control('load');
    await becomes('sleeping');
    expect(demo.card.memory.usedMib()).toBe(600);
    expect((await demo.post('/v1/chat/completions', chat)).status).toBe(200);
    await becomes('sleeping');
    await control('unload');
    await becomes('unloaded');
    expect(demo.card.memory.usedMib()).toBe(0);
  });

  test('that do not fit fail, and hold nothing', async () => {
    await start();
    demo.card.hold('game', 13_000, process.ppid);
    expect(await refusal(demo.post('/v1/chat/completions', chat))).toBe(`500 model name=${model} failed to load`);
    expect(await status()).toMatchObject({ value: 'unloaded', failed: true, exit_code: 1 });
    expect(demo.card.memory.usedMib()).toBe(13_000);
    expect((await control('load')).status).toBe(200);
  });

  test('make room for each other by count with one_model', async () => {
    await start({ one_model: true });
    await control('load');
    await becomes('loaded');
    expect((await demo.post('/v1/chat/completions', { ...chat, model: small })).status).toBe(200);
    expect(await status()).toMatchObject({ value: 'unloaded' });
    expect(demo.card.memory.usedMib()).toBe(300);
  });

  test('announce their changes to whoever listens', async () => {
    await start();
    const listener = openRequest({ url: `${demo.url}/models/sse` });
    expect((await listener.response).headers['content-type']).toBe('text/event-stream');
    await control('load', small);
    await becomes('loaded', small);
    await control('unload', small);
    await becomes('unloaded', small);
    demo.server.closeAllConnections();
    const heard = (await listener.ended).body.trimEnd().split('\n\n').map((event): unknown => JSON.parse(event.replace('data: ', '')));
    expect(heard).toEqual([
      { model: small, event: 'model_status', data: { status: 'loading' } },
      { model: small, event: 'status_change', data: { status: 'loaded' } },
      { model: small, event: 'status_change', data: { status: 'unloaded', exit_code: 0 } },
    ]);
  });
});

describe('load', () => {
  test('answers at once', async () => {
    await start();
    demo.time.hold();
    expect(await control('load')).toMatchObject({ status: 200, body: '{"success":true}' });
    expect(await status()).toMatchObject({ value: 'loading' });
    demo.time.go();
    await becomes('loaded');
  });

  test('of what is running is 400, of what is unknown 404', async () => {
    await start();
    demo.time.hold();
    await control('load');
    expect(await refusal(control('load'))).toBe('400 model is already running');
    expect(await refusal(control('load', 'nope'))).toBe('404 File Not Found');
  });

  test('twice is fine without load_twice_is_400', async () => {
    await start({ load_twice_is_400: false });
    await control('load');
    expect((await control('load')).status).toBe(200);
  });
});

describe('unload', () => {
  test('answers at once, and an idle model stays listed until its process is gone', async () => {
    await start();
    await control('load');
    await becomes('loaded');
    demo.time.hold();
    expect(await control('unload')).toMatchObject({ status: 200, body: '{"success":true}' });
    expect(demo.time.pauses.at(-1)).toBe(150);
    expect(await status()).toMatchObject({ value: 'loaded' });
    demo.time.go();
    await becomes('unloaded');
    expect(await status()).not.toHaveProperty('failed');
    expect(demo.card.memory.usedMib()).toBe(0);
  });

  test('of what is not running, or unknown, is 400', async () => {
    await start();
    expect(await refusal(control('unload'))).toBe('400 model is not running');
    expect(await refusal(control('unload', 'nope'))).toBe('400 model is not found');
    await demo.stop();
    await start({ unload_twice_is_400: false });
    expect((await control('unload')).status).toBe(200);
  });

  test('kills a model that loads', async () => {
    await start();
    demo.time.hold();
    const open = ask(chat);
    await becomes('loading');
    await control('unload');
    expect(await open.ended).toMatchObject({ status: 500, body: expect.stringContaining('failed to load') });
    expect(await status()).toMatchObject({ value: 'unloaded', failed: true });
    expect(demo.card.memory.usedMib()).toBe(0);
  });

  test('stalls a running stream, and breaks it under status 200 when the model is killed after 10 s', async () => {
    await start();
    const open = await running({ ...endless, stream: true });
    expect((await control('unload')).status).toBe(200);
    expect(demo.time.pauses.at(-1)).toBe(10_000);
    expect(await status()).toMatchObject({ value: 'loaded' });
    expect(demo.card.memory.usedMib()).toBe(5000);
    expect(await demo.post('/v1/chat/completions', chat)).toMatchObject({ status: 500, body: 'proxy error: Could not establish connection' });
    demo.time.go();
    const answer = await open.ended;
    expect(answer).toMatchObject({ status: 200, complete: true });
    expect(answer.body.split('\n\n')).toEqual([expect.stringMatching(/^data: .*"role":"assistant"/), 'proxy error: Failed to read connection']);
    expect(await status()).toMatchObject({ value: 'unloaded', exit_code: 1 });
    expect(demo.card.memory.usedMib()).toBe(0);
    expect(demo.time.pauses).not.toContain(150);
  });

  test('gives a client that waits for one piece plain text called JSON', async () => {
    await start();
    const open = await running(endless);
    await control('unload');
    demo.time.go();
    expect(await open.ended).toMatchObject({
      status: 500,
      body: 'proxy error: Failed to read connection',
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
  });

  test('ends before its 10 s when the last client leaves', async () => {
    await start();
    const open = await running({ ...endless, stream: true });
    await control('unload');
    open.abort();
    await until(() => demo.time.pauses.at(-1) === 150);
    demo.time.go();
    await becomes('unloaded');
    expect(await status()).not.toHaveProperty('failed');
  });

  test('waits for running work without unload_kills_running', async () => {
    await start({ unload_kills_running: false });
    const open = await running({ ...chat, stream: true });
    await control('unload');
    demo.time.go();
    expect((await open.ended).body.endsWith('data: [DONE]\n\n')).toBe(true);
    await becomes('unloaded');
  });
});

describe('a client that leaves', () => {
  const predicted = async (): Promise<number> => {
    const slots: { next_token: [{ n_decoded: number }] }[] = JSON.parse((await demo.get(`/slots?model=${model}`)).body);
    return slots.reduce((sum, { next_token: [{ n_decoded: count }] }) => sum + count, 0);
  };
  const idle = async (): Promise<void> => {
    while ((await demo.get(`/slots?model=${model}`)).body.includes('"is_processing":true'));
  };

  test('ends its stream', async () => {
    await start();
    const open = await running({ ...endless, stream: true });
    open.abort();
    await idle();
    expect(await predicted()).toBeLessThan(10);
  });

  test('does not end an answer in one piece, which goes on to its last token', async () => {
    await start();
    let gone = false;
    demo.server.on('request', (_, response) => response.once('close', () => (gone ||= !response.writableFinished)));
    const open = await running({ ...endless, max_tokens: 8 });
    open.abort();
    await until(() => gone);
    demo.time.go();
    await idle();
    expect(await predicted()).toBe(8);
    expect(demo.time.aborted).toBe(0);
  });

  test('ends that too without nonstream_outlives_client', async () => {
    await start({ nonstream_outlives_client: false, late_cancel: false });
    const open = await running(endless);
    open.abort();
    await idle();
    expect(await predicted()).toBeLessThan(10);
  });
});

test('a router of old holds memory itself', async () => {
  await start({ router_holds_context: true });
  expect(demo.card.memory.usedMib()).toBe(500);
});

test('as a process of its own it takes its quirks from the command line, and frees all at its end', async () => {
  await start();
  const card = fakeCard({ totalMib: 16_376 });
  const router = await forkDemo('llama-router', card, '--quirks', '{"router_holds_context":true}');
  try {
    const answer = await fetch(`${router.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ ...chat, stream: true }) });
    expect((await answer.text()).endsWith('data: [DONE]\n\n')).toBe(true);
    expect(card.memory.usedMib()).toBe(5500);
    expect([...readWork(card.dir).busyMs.keys()]).toEqual(['llama-server']);
  } finally {
    await router.stop();
  }
  expect(card.memory.usedMib()).toBe(0);
  card.cleanup();
});
