import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { demoRequest } from '../../../lib/demo/request-set.ts';
import { createComfyui } from '../../../lib/demo/servers/comfyui.ts';
import { isObject } from '../../../lib/demo/servers/http.ts';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import type { Answer } from '../../support/http.ts';
import { until } from '../../support/until.ts';

let demo: RunningDemo;

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<RunningDemo> {
  demo = await startDemo((options) => createComfyui({ ...options, quirks }));
  return demo;
}

async function post(seed: number, rest: Record<string, unknown> = {}): Promise<Answer> {
  const workflow: unknown = JSON.parse(demoRequest('image', seed).body.toString());
  return demo.post('/prompt', { ...(isObject(workflow) ? workflow : {}), ...rest });
}

async function submit(seed: number, rest: Record<string, unknown> = {}): Promise<string> {
  return idIn((await post(seed, rest)).body);
}

function idIn(body: string): string {
  return /"prompt_id":"([^"]*)"/.exec(body)?.[1] ?? '';
}

async function get(path: string): Promise<unknown> {
  const value: unknown = JSON.parse((await demo.get(path)).body);
  return value;
}

async function idle(): Promise<void> {
  for (;;) if ((await demo.get('/prompt')).body.includes(':0')) return;
}

async function usedAfterFree(): Promise<number> {
  const pauses = demo.time.pauses.length;
  await demo.post('/free', { unload_models: true, free_memory: true });
  await until(() => demo.time.pauses.length > pauses && demo.time.pending === 0);
  return demo.card.memory.usedMib();
}

describe('the jobs API', () => {
  test('knows a job in every state', async () => {
    await start();
    demo.time.hold();
    const first = await submit(1);
    const second = await submit(2);
    expect(await get(`/api/jobs/${first}`)).toMatchObject({ id: first, status: 'in_progress' });
    expect(await get(`/api/jobs/${second}`)).toMatchObject({ id: second, status: 'pending' });
    expect(await get('/api/jobs?status=pending,in_progress')).toMatchObject({ jobs: [{ id: second }, { id: first }], pagination: { total: 2 } });
    demo.time.go();
    await idle();
    expect(await get(`/api/jobs/${first}`)).toMatchObject({ status: 'completed', outputs: { 9: { images: [{}] } }, execution_status: { completed: true } });
    expect(await get('/api/jobs?status=pending,in_progress')).toMatchObject({ jobs: [] });
    expect(await demo.get(`/api/jobs/${randomUUID()}`)).toMatchObject({ status: 404, body: '{"error":"Job not found"}' });
    expect(await demo.get('/api/jobs?status=lost')).toMatchObject({ status: 400, body: expect.stringContaining('lost') });
  });

  test('cancels a running and a waiting job, and nothing that has ended', async () => {
    await start();
    demo.time.hold();
    const running = await submit(1);
    const waiting = await submit(2);
    const cancel = async (id: string): Promise<unknown> => JSON.parse((await demo.post(`/api/jobs/${id}/cancel`)).body);
    expect(await cancel(waiting)).toEqual({ cancelled: true });
    expect((await demo.get(`/api/jobs/${waiting}`)).status).toBe(404);
    expect(await cancel(running)).toEqual({ cancelled: true });
    demo.time.go();
    await idle();
    expect(await get(`/api/jobs/${running}`)).toMatchObject({ status: 'cancelled' });
    expect(await cancel(running)).toEqual({ cancelled: false });
    expect(await cancel('nope')).toEqual({ cancelled: false });
  });

  test('cancels several at once', async () => {
    await start();
    demo.time.hold();
    await submit(1);
    const waiting = [await submit(2), await submit(3)];
    expect((await demo.post('/api/jobs/cancel', { job_ids: [...waiting, randomUUID()] })).body).toBe('{"cancelled":true}');
    expect(await get('/prompt')).toEqual({ exec_info: { queue_remaining: 1 } });
    expect(await demo.post('/api/jobs/cancel', { job_ids: ['NOPE'] })).toMatchObject({ status: 400, body: expect.stringContaining('"invalid_ids":["NOPE"]') });
    expect((await demo.post('/api/jobs/cancel', {})).status).toBe(400);
  });

  test('calls a job failed that found no memory', async () => {
    await start();
    demo.card.hold('game', 8000, process.ppid);
    const id = await submit(1);
    await idle();
    expect(await get(`/api/jobs/${id}`)).toMatchObject({ status: 'failed', execution_error: { exception_type: 'torch.OutOfMemoryError', node_id: '4' } });
  });

  test('is not there without jobs_api', async () => {
    await start({ jobs_api: false });
    expect((await demo.get('/api/jobs')).status).toBe(404);
    expect((await demo.post(`/api/jobs/${randomUUID()}/cancel`)).status).toBe(404);
  });
});

describe('a prompt_id of the client', () => {
  test('is taken when it is a UUID in lower case', async () => {
    await start();
    const id = randomUUID();
    expect(await submit(1, { prompt_id: id })).toBe(id);
    const refused = await post(1, { prompt_id: id.toUpperCase() });
    expect(refused).toMatchObject({ status: 400, body: expect.stringContaining('"type":"invalid_prompt_id"') });
  });

  test('is ignored without client_prompt_id', async () => {
    await start({ client_prompt_id: false });
    expect(await submit(1, { prompt_id: 'mine' })).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('a prompt can be put in front of the others, or where its number says', async () => {
  await start();
  demo.time.hold();
  await submit(1);
  const last = await submit(2);
  const first = await submit(3, { front: true });
  const middle = await submit(4, { number: 0.5 });
  const item = (number: number, id: string): unknown => [number, id, expect.anything(), expect.anything(), ['9']];
  expect(await get('/queue')).toMatchObject({ queue_pending: [item(-2, first), item(0.5, middle), item(1, last)] });
});

test.each([
  [true, 'success'],
  [false, 'error'],
])('with interrupt_by_id %p an interrupt of another prompt lets the running one end with %s', async (interrupt_by_id, status_str) => {
  await start({ interrupt_by_id });
  demo.time.hold();
  const id = await submit(1);
  await demo.post('/interrupt', { prompt_id: randomUUID() });
  demo.time.go();
  await idle();
  expect(await get(`/history/${id}`)).toMatchObject({ [id]: { status: { status_str } } });
});

test('an interrupt does not stop a load, and an idle server forgets it', async () => {
  await start();
  await demo.post('/interrupt');
  demo.time.hold();
  const id = await submit(1);
  await demo.post('/interrupt');
  demo.time.go();
  await idle();
  expect(demo.card.memory.usedMib()).toBe(12_500);
  const messages = expect.arrayContaining([['execution_interrupted', expect.objectContaining({ node_type: 'CLIPTextEncode', executed: ['4'] })]]);
  expect(await get(`/history/${id}`)).toMatchObject({ [id]: { status: { messages } } });
});

test('history can be forgotten', async () => {
  await start();
  const id = await submit(1);
  await idle();
  await demo.post('/history', { delete: [id] });
  expect(await get(`/history/${id}`)).toEqual({});
});

test('without caches the same workflow works again', async () => {
  await start({ caches: false });
  await submit(1);
  await idle();
  const before = demo.time.pauses.length;
  await submit(1);
  await idle();
  expect(demo.time.pauses.length - before).toBe(8);
});

test('with stalls_while_loading nothing is answered while a model loads', async () => {
  await start({ stalls_while_loading: true });
  demo.time.hold();
  await submit(1);
  let answered = false;
  const stats = demo.get('/prompt').then(() => (answered = true));
  await until(() => demo.seen() === 2);
  expect(answered).toBe(false);
  demo.time.go();
  await stats;
});

test.each([
  [{}, 500],
  [{ free_ignored: true }, 12_500],
  [{ leaks: true }, 2000],
])('with %j /free leaves %i MiB', async (quirks, mib) => {
  await start(quirks);
  await submit(1);
  await idle();
  expect(await usedAfterFree()).toBe(mib);
});

test('a /free that comes while another is carried out is not lost', async () => {
  await start();
  await submit(1);
  await idle();
  demo.time.hold();
  await demo.post('/free', { unload_models: true });
  await until(() => demo.time.pauses.at(-1) === 100);
  await demo.post('/free', { unload_models: true });
  demo.time.go();
  await until(() => demo.time.pauses.slice(-2).every((ms) => ms === 100));
});

test('the guard can be switched off, and nodes are described', async () => {
  await start({ origin_check: false });
  expect((await demo.get('/object_info/KSampler', { origin: 'http://evil.test' })).body).toMatch(/^\{"KSampler":\{"input":/);
  expect(await get('/object_info/Nope')).toEqual({});
});

test('an unknown quirk is refused', async () => {
  const { card } = await start();
  expect(() => createComfyui({ card: card.memory, quirks: { jobs: true } })).toThrow(/^quirks: expected origin_check, .*; got jobs$/);
});
