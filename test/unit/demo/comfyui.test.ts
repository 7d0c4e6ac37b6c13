import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { demoRequest } from '../../../lib/demo/request-set.ts';
import { createComfyui } from '../../../lib/demo/servers/comfyui.ts';
import { isObject } from '../../../lib/demo/servers/http.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';

const BOTH = { unload_models: true, free_memory: true };
let demo: RunningDemo;

beforeEach(async () => {
  demo = await startDemo(createComfyui);
});
afterEach(() => demo.stop());

async function submit(seed = 1): Promise<string> {
  const { headers, body } = demoRequest('image', seed);
  const answer = await demo.post('/prompt', body, headers);
  expect(answer.status).toBe(200);
  return String(objectIn(answer.body)['prompt_id']);
}

async function get(path: string): Promise<Record<string, unknown>> {
  return objectIn((await demo.get(path)).body);
}

function objectIn(body: string): Record<string, unknown> {
  const value: unknown = JSON.parse(body);
  if (isObject(value)) return value;
  throw new Error(`expected an object, got ${body}`);
}

/** Polls, as its clients have to. */
async function poll(path: string, done: (body: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
  for (;;) {
    const body = await get(path);
    if (done(body)) return body;
  }
}

async function finished(id: string): Promise<unknown> {
  const history = await poll(`/history/${id}`, (body) => id in body);
  return history[id];
}

async function used(mib: number): Promise<void> {
  await poll('/prompt', () => demo.card.memory.usedMib() === mib);
}

test('it answers a prompt at once and works on', async () => {
  expect(await get('/prompt')).toEqual({ exec_info: { queue_remaining: 0 } });
  expect(demo.card.memory.usedMib()).toBe(400);
  demo.time.hold();
  const first = await submit(1);
  const second = await submit(2);
  expect(await get('/prompt')).toEqual({ exec_info: { queue_remaining: 2 } });
  const rest = [expect.anything(), { create_time: expect.any(Number) }, ['9']];
  expect(await get('/queue')).toEqual({ queue_running: [[0, first, ...rest]], queue_pending: [[1, second, ...rest]] });
  expect(await get(`/history/${first}`)).toEqual({});
  demo.time.go();
  const status = { status_str: 'success', completed: true };
  expect(await finished(first)).toMatchObject({ status, outputs: { 9: { images: [{ filename: 'ComfyUI_00001_.png' }] } } });
  expect(await finished(second)).toMatchObject({ status, outputs: { 9: { images: [{ filename: 'ComfyUI_00002_.png' }] } } });
  expect(await get('/prompt')).toEqual({ exec_info: { queue_remaining: 0 } });
  expect(demo.card.memory.usedMib()).toBe(12_500);
});

test('the image can be fetched, under /api too', async () => {
  await finished(await submit());
  const image = await demo.get('/view?filename=ComfyUI_00001_.png&subfolder=&type=output');
  expect(image.headers['content-type']).toBe('image/png');
  expect(image.bytes.toString('latin1', 1, 4)).toBe('PNG');
  expect((await demo.get('/api/view?filename=ComfyUI_00001_.png')).bytes).toEqual(image.bytes);
  expect((await demo.get('/view?filename=ComfyUI_00002_.png')).status).toBe(404);
});

test('the same workflow once more comes from the cache, without the card', async () => {
  await finished(await submit(7));
  await demo.post('/free', { unload_models: true });
  await used(500);
  expect(await finished(await submit(7))).toMatchObject({ outputs: { 9: { images: [{ filename: 'ComfyUI_00001_.png' }] } } });
  expect(demo.card.memory.usedMib()).toBe(500);
});

describe('free', () => {
  test('unloads when idle and keeps the context, which has grown by the first use', async () => {
    await finished(await submit());
    const answer = await demo.post('/free', BOTH);
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-type': 'application/octet-stream' } });
    await used(500);
  });

  test('waits for the running prompt', async () => {
    demo.time.hold();
    const id = await submit();
    await demo.post('/free', BOTH);
    demo.time.go();
    expect(await finished(id)).toMatchObject({ status: { completed: true } });
    await used(500);
  });

  test('does nothing when it is told nothing, and breaks on an empty body', async () => {
    await finished(await submit(1));
    expect((await demo.post('/free', {})).status).toBe(200);
    await finished(await submit(2));
    expect(demo.card.memory.usedMib()).toBe(12_500);
    expect(await demo.post('/free')).toMatchObject({ status: 500, body: expect.stringContaining('Server got itself in trouble') });
  });
});

test('a running prompt can be interrupted, a waiting one deleted', async () => {
  demo.time.hold();
  const running = await submit(1);
  const waiting = await submit(2);
  await demo.post('/queue', { delete: [waiting] });
  await demo.post('/interrupt', { prompt_id: waiting });
  expect(await get('/prompt')).toEqual({ exec_info: { queue_remaining: 1 } });
  expect((await demo.post('/interrupt')).status).toBe(200);
  demo.time.go();
  const messages = expect.arrayContaining([['execution_interrupted', expect.anything()]]);
  expect(await finished(running)).toMatchObject({ status: { status_str: 'error', completed: false, messages } });
  expect(await get(`/history/${waiting}`)).toEqual({});
});

test('on a full card a prompt is taken and ends in an error', async () => {
  demo.card.hold('game', 8000, process.ppid);
  const messages = expect.arrayContaining([['execution_error', expect.objectContaining({ exception_message: expect.stringMatching(/^CUDA out of memory/) })]]);
  expect(await finished(await submit())).toMatchObject({ status: { status_str: 'error', messages } });
  expect(demo.card.memory.usedMib()).toBe(8400);
});

test('what it cannot run it refuses', async () => {
  const refused = async (prompt: unknown): Promise<unknown> => {
    const { status, body } = await demo.post('/prompt', { prompt });
    expect(status).toBe(400);
    return objectIn(body);
  };
  expect(await refused(undefined)).toMatchObject({ error: { type: 'no_prompt' } });
  expect(await refused({})).toMatchObject({ error: { type: 'prompt_no_outputs' } });
  expect(await refused({ 1: {} })).toMatchObject({ error: { type: 'invalid_prompt' } });
  const loader = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'nope' } };
  const wrong = await refused({ 4: loader, 9: { class_type: 'SaveImage', inputs: {} } });
  expect(wrong).toMatchObject({ error: { type: 'prompt_outputs_failed_validation' }, node_errors: { 4: { dependent_outputs: ['9'] } } });
  expect((await demo.post('/prompt', '{')).status).toBe(500);
});

test('it reports the card in bytes', async () => {
  const stats = await get('/system_stats');
  expect(stats).toMatchObject({ devices: [{ type: 'cuda', vram_total: 16_376 * 1024 ** 2, vram_free: 15_976 * 1024 ** 2, torch_vram_total: 0 }] });
});

test('the page of another site gets an empty 403', async () => {
  expect(await demo.get('/prompt', { origin: 'http://evil.test' })).toMatchObject({ status: 403, body: '' });
  expect((await demo.get('/prompt', { origin: 'http://127.0.0.1:8770' })).status).toBe(403);
  expect((await demo.get('/prompt', { origin: demo.url })).status).toBe(200);
});
