import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createOllama } from '../../../lib/demo/servers/ollama.ts';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { openRequest } from '../../support/http.ts';
import type { OpenRequest } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const model = 'llama3.2:3b';
const small = 'qwen2.5:0.5b';
let demo: RunningDemo;
let responses: ServerResponse[];

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<RunningDemo> {
  demo = await startDemo((options) => createOllama({ ...options, quirks }));
  responses = [];
  demo.server.on('request', (_, response) => responses.push(response));
  return demo;
}

function generate(body: Record<string, unknown>): OpenRequest {
  return openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model, ...body } });
}

/** Lets the pauses under way end, and no others. */
function step(): void {
  demo.time.go();
  demo.time.hold();
}

const listed = async (): Promise<unknown> => JSON.parse((await demo.get('/api/ps')).body);

test('while an unload waits for running work /api/ps says since when: "Stopping…"', async () => {
  await start();
  await demo.post('/api/generate', { model });
  demo.time.hold();
  const open = generate({ prompt: 'Hi' });
  await until(() => demo.time.pending === 1);
  expect(await demo.post('/api/generate', { model, keep_alive: 0 })).toMatchObject({ status: 200 });
  const { body } = await demo.get('/api/ps');
  expect(Date.parse(/"expires_at":"([^"]*)"/.exec(body)?.[1] ?? '')).toBeLessThanOrEqual(Date.now());
  demo.time.go();
  expect((await open.ended).complete).toBe(true);
  await until(() => demo.card.memory.usedMib() === 0);
});

describe('/api/ps during an unload', () => {
  test('is answered when the model is gone', async () => {
    await start();
    const ps = await psDuringUnload();
    await demo.get('/api/version');
    expect(responses[2]?.headersSent).toBe(false);
    demo.time.go();
    expect(JSON.parse((await ps.ended).body)).toEqual({ models: [] });
  });

  test('is answered at once without ps_hangs_while_unloading', async () => {
    await start({ ps_hangs_while_unloading: false });
    const ps = await psDuringUnload();
    expect(JSON.parse((await ps.ended).body)).toMatchObject({ models: [{ name: model }] });
  });

  async function psDuringUnload(): Promise<OpenRequest> {
    await demo.post('/api/generate', { model });
    demo.time.hold();
    await demo.post('/api/generate', { model, keep_alive: 0 });
    await until(() => demo.time.pending === 1);
    const ps = openRequest({ url: `${demo.url}/api/ps` });
    await until(() => demo.seen() === 3);
    return ps;
  }
});

describe('the memory of a model that is unloaded', () => {
  test('is free before /api/ps says so', async () => {
    await start({ ps_hangs_while_unloading: false });
    await unloadAsFarAs(250);
    expect(demo.card.memory.usedMib()).toBe(0);
    expect(await listed()).toMatchObject({ models: [{ name: model }] });
  });

  test('is free after that with memory_returns_late', async () => {
    await start({ ps_hangs_while_unloading: false, memory_returns_late: true });
    await unloadAsFarAs(250);
    step();
    await until(() => demo.time.pauses.at(-1) === 500);
    expect(await listed()).toEqual({ models: [] });
    expect(demo.card.memory.usedMib()).toBe(4000);
    demo.time.go();
    await until(() => demo.card.memory.usedMib() === 0);
  });

  /** Unloads until it pauses for so long. */
  async function unloadAsFarAs(ms: number): Promise<void> {
    await demo.post('/api/generate', { model });
    demo.time.hold();
    await demo.post('/api/generate', { model, keep_alive: 0 });
    await until(() => demo.time.pauses.at(-1) === 200);
    step();
    await until(() => demo.time.pauses.at(-1) === ms);
  }
});

describe('an unload of a model that still loads', () => {
  test('is answered when the load has ended, and then unloads', async () => {
    await start();
    const { load, unload } = await unloadDuringLoad();
    await demo.get('/api/version');
    expect(responses[1]?.headersSent).toBe(false);
    demo.time.go();
    expect((await load.ended).status).toBe(200);
    expect((await unload.ended).status).toBe(200);
    await until(() => demo.card.memory.usedMib() === 0);
  });

  test('does nothing without unload_waits_for_load', async () => {
    await start({ unload_waits_for_load: false });
    const { load, unload } = await unloadDuringLoad();
    expect((await unload.ended).status).toBe(200);
    demo.time.go();
    await load.ended;
    expect(demo.card.memory.usedMib()).toBe(4000);
  });

  async function unloadDuringLoad(): Promise<{ load: OpenRequest; unload: OpenRequest }> {
    demo.time.hold();
    const load = generate({});
    await until(() => demo.time.pending === 1);
    const unload = generate({ keep_alive: 0 });
    await until(() => demo.seen() === 2);
    return { load, unload };
  }
});

describe('a client that leaves while its model loads', () => {
  test('takes the load with it: 499, and nothing is held', async () => {
    await start();
    await leaveDuringLoad();
    await until(() => demo.time.aborted === 1);
    expect(demo.card.memory.usedMib()).toBe(0);
    await until(() => responses[0]?.statusCode === 499);
  });

  test('leaves the load to its end without load_dies_with_its_client', async () => {
    await start({ load_dies_with_its_client: false });
    await leaveDuringLoad();
    await until(() => responses[0]?.destroyed === true);
    demo.time.go();
    await until(() => demo.card.memory.usedMib() === 4000);
    expect(await listed()).toMatchObject({ models: [{ name: model }] });
  });

  async function leaveDuringLoad(): Promise<void> {
    demo.time.hold();
    const open = generate({ prompt: 'Hi' });
    await until(() => demo.time.pending === 1);
    open.abort();
  }
});

describe('other options', () => {
  test('reload the model once its work has ended', async () => {
    await start();
    await demo.post('/api/generate', { model });
    demo.time.hold();
    const running = generate({ prompt: 'Hi' });
    await until(() => demo.time.pending === 1);
    const other = generate({ prompt: 'Hi', options: { num_ctx: 8192 } });
    await until(() => demo.seen() === 3);
    expect(await listed()).toMatchObject({ models: [{ context_length: 4096 }] });
    demo.time.go();
    expect((await running.ended).complete).toBe(true);
    expect((await other.ended).status).toBe(200);
    expect(await listed()).toMatchObject({ models: [{ context_length: 8192 }] });
    expect(demo.time.pauses.filter((ms) => ms === 125)).toHaveLength(16);
  });

  test.each([
    [{ options_reload: false }, { num_ctx: 8192 }],
    [{}, { temperature: 0 }],
    [{}, { num_ctx: 4096 }],
  ])('do not with %j and %j', async (quirks, options) => {
    await start(quirks);
    await demo.post('/api/generate', { model });
    await demo.post('/api/generate', { model, options });
    expect(demo.time.pauses).toHaveLength(8);
  });
});

test('with early_listing a model is listed while it loads, with nothing in VRAM', async () => {
  await start({ early_listing: true });
  demo.time.hold();
  const open = generate({});
  await until(() => demo.time.pending === 1);
  expect(await listed()).toMatchObject({ models: [{ name: model, size_vram: 0 }] });
  demo.time.go();
  await open.ended;
  expect(await listed()).toMatchObject({ models: [{ size_vram: 4000 * 1024 * 1024 }] });
});

test('without it a model that loads is not listed', async () => {
  await start();
  demo.time.hold();
  const open = generate({});
  await until(() => demo.time.pending === 1);
  expect(await listed()).toEqual({ models: [] });
  demo.time.go();
  await open.ended;
});

test('with small_queue a third request that waits for a load is refused', async () => {
  await start({ small_queue: true });
  demo.time.hold();
  const loads = [generate({}), generate({ model: small }), generate({ model: small })];
  await until(() => demo.seen() === 3);
  const refused = await demo.post('/api/generate', { model: small });
  expect(refused).toMatchObject({ status: 503, body: '{"error":"server busy, please try again.  maximum pending requests exceeded"}' });
  expect(refused.headers).not.toHaveProperty('retry-after');
  demo.time.go();
  expect((await Promise.all(loads.map(({ ended }) => ended))).map(({ status }) => status)).toEqual([200, 200, 200]);
});

describe('with mid_stream_error', () => {
  test('a stream has an error as its last line, under status 200', async () => {
    await start({ mid_stream_error: true });
    const { status, body } = await generate({ prompt: 'Hi' }).ended;
    const last = body.trim().split('\n').at(-1) ?? '';
    expect(status).toBe(200);
    expect(JSON.parse(last)).toEqual({ error: expect.stringContaining('out of memory') });
  });

  test('an answer in one piece is a 500', async () => {
    await start({ mid_stream_error: true });
    expect(await generate({ prompt: 'Hi', stream: false }).ended).toMatchObject({ status: 500, body: expect.stringMatching(/^\{"error":"/) });
  });
});

test('its guard and its 405 can be switched off', async () => {
  await start({ host_check: false, origin_check: false, wrong_method_404: true });
  expect((await demo.get('/', { host: 'gpu.example.com', origin: 'http://evil.test' })).status).toBe(200);
  expect(await demo.get('/api/generate')).toMatchObject({ status: 404, body: '404 page not found' });
});

test('an unknown quirk is refused', async () => {
  const { card } = await start();
  expect(() => createOllama({ card: card.memory, quirks: { hosts: false } })).toThrow(/^quirks: expected host_check, .*; got hosts$/);
});
