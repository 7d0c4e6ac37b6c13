import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createOllama } from '../../../lib/demo/servers/ollama.ts';
import { parseKeepAlive } from '../../../lib/demo/servers/ollama-answer.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { openRequest, request } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const model = 'llama3.2:3b';
const small = 'qwen2.5:0.5b';
let demo: RunningDemo;

beforeEach(async () => {
  demo = await startDemo(createOllama);
});
afterEach(() => demo.stop());

async function loaded(): Promise<unknown> {
  const body: unknown = JSON.parse((await demo.get('/api/ps')).body);
  return body;
}

function lines(body: string): unknown[] {
  return body.trim().split('\n').map((line): unknown => JSON.parse(line));
}

test('it says that it lives, its version and its models', async () => {
  expect(await demo.get('/')).toMatchObject({ status: 200, body: 'Ollama is running' });
  expect(await request({ url: demo.url, method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  expect((await demo.get('/api/version')).body).toBe('{"version":"0.33.0"}');
  expect((await demo.get('/api/ps')).body).toBe('{"models":[]}');
  expect(JSON.parse((await demo.get('/api/tags')).body)).toMatchObject({ models: [{ name: model }, { name: small }] });
  expect(demo.card.memory.usedMib()).toBe(0);
});

describe('answers', () => {
  test('stream line by line by default, and load the model first', async () => {
    const answer = await demo.post('/api/generate', { model, prompt: 'Hi' });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/x-ndjson', 'transfer-encoding': 'chunked' });
    const all = lines(answer.body);
    expect(all[0]).toMatchObject({ model, response: 'You ', done: false });
    expect(all.at(-1)).toMatchObject({ response: '', done: true, done_reason: 'stop', eval_count: all.length - 1 });
    expect(demo.card.memory.usedMib()).toBe(4000);
  });

  test('come in one piece with stream: false', async () => {
    const answer = await demo.post('/api/generate', { model, prompt: 'Hi', stream: false });
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(JSON.parse(answer.body)).toMatchObject({ done: true, response: expect.stringContaining('You asked: "Hi"') });
  });

  test('to a chat are messages', async () => {
    const answer = await demo.post('/api/chat', { model, messages: [{ role: 'user', content: 'Hi' }] });
    expect(lines(answer.body)[0]).toMatchObject({ message: { role: 'assistant', content: 'You ' }, done: false });
  });

  test('to what makes no sense are errors', async () => {
    expect(await demo.post('/api/generate', { model: 'nope' })).toMatchObject({ status: 404, body: `{"error":"model 'nope' not found"}` });
    expect((await demo.post('/api/generate', '{')).status).toBe(400);
    expect(await demo.get('/api/generate')).toMatchObject({ status: 405 });
    expect(await demo.get('/nope')).toMatchObject({ status: 404, body: '404 page not found' });
  });

  test('end when the client leaves', async () => {
    await demo.post('/api/generate', { model });
    demo.time.hold();
    const open = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model, prompt: 'Hi' } });
    await until(() => demo.time.pending === 1);
    open.abort();
    await until(() => demo.time.aborted === 1);
    expect(demo.time.pending).toBe(0);
  });

  test('are given up while the model loads, and the load with them', async () => {
    demo.time.hold();
    const open = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model, prompt: 'Hi' } });
    await until(() => demo.time.pending === 1);
    open.abort();
    await until(() => demo.time.aborted === 1);
    expect(demo.card.memory.usedMib()).toBe(0);
  });
});

describe('residency', () => {
  test('a request without a prompt only loads', async () => {
    const answer = await demo.post('/api/generate', { model });
    expect(JSON.parse(answer.body)).toMatchObject({ response: '', done: true, done_reason: 'load' });
    expect(await loaded()).toMatchObject({ models: [{ name: model, size_vram: 4000 * 1024 * 1024 }] });
  });

  test('keep_alive 0 answers at once and frees soon after', async () => {
    await demo.post('/api/generate', { model });
    const answer = await demo.post('/api/generate', { model, keep_alive: 0 });
    expect(JSON.parse(answer.body)).toMatchObject({ done: true, done_reason: 'unload' });
    await until(() => demo.card.memory.usedMib() === 0);
    expect(await loaded()).toEqual({ models: [] });
    expect((await demo.post('/api/chat', { model, messages: [], keep_alive: 0 })).status).toBe(200);
  });

  test('running requests are not cut by an unload', async () => {
    await demo.post('/api/generate', { model });
    demo.time.hold();
    const open = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model, prompt: 'Hi' } });
    await until(() => demo.time.pending === 1);
    expect(await demo.post('/api/generate', { model, keep_alive: 0 })).toMatchObject({ status: 200 });
    expect(demo.card.memory.usedMib()).toBe(4000);
    demo.time.go();
    expect(lines((await open.ended).body).at(-1)).toMatchObject({ done: true });
    await until(() => demo.card.memory.usedMib() === 0);
  });

  test('a model leaves when its time is over', async () => {
    await demo.post('/api/generate', { model, prompt: 'Hi', keep_alive: '1ms' });
    await until(() => demo.card.memory.usedMib() === 0);
  });

  test('it makes room for a model by unloading the one used longest ago', async () => {
    await demo.post('/api/generate', { model });
    demo.card.hold('game', 12_000, process.ppid);
    await demo.post('/api/generate', { model: small });
    expect(await loaded()).toMatchObject({ models: [{ name: small }] });
  });

  test('on a full card it answers 500 and holds nothing', async () => {
    demo.card.hold('game', 13_000, process.ppid);
    const answer = await demo.post('/api/generate', { model, prompt: 'Hi' });
    expect(answer).toMatchObject({ status: 500, body: expect.stringContaining('CUDA out of memory') });
    expect(demo.card.memory.usedMib()).toBe(13_000);
  });

  test.each([
    [0, 0],
    ['0', 0],
    ['0s', 0],
    [30, 30_000],
    ['1h30m', 5_400_000],
    [-1, Number.POSITIVE_INFINITY],
    ['-1m', Number.POSITIVE_INFINITY],
    [undefined, 300_000],
  ])('keep_alive %p is %p ms', (value, ms) => {
    expect(parseKeepAlive(value)).toBe(ms);
  });
});

describe('its guard', () => {
  test.each(['gpu.example.com', 'evil.test:11434', '8.8.8.8'])('answers Host %s with an empty 403', async (host) => {
    expect(await demo.get('/', { host })).toMatchObject({ status: 403, body: '' });
  });

  test.each(['localhost:11434', '192.168.1.2', '[::1]:11434', 'box.local', '10.0.0.1:80'])('lets Host %s in', async (host) => {
    expect((await demo.get('/', { host })).status).toBe(200);
  });

  test('refuses the pages of others', async () => {
    expect(await demo.get('/', { origin: 'http://evil.test' })).toMatchObject({ status: 403, body: '' });
    expect((await demo.get('/', { origin: 'http://localhost:3000' })).status).toBe(200);
  });
});
