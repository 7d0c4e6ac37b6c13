import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parseMultipart } from '../../lib/demo/servers/multipart.ts';
import { startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import { openUpload, request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';

let broker: Broker;
afterEach(() => broker.stop());

const OPENAI_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/v1/rerank',
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/messages',
  '/v1/messages/count_tokens',
] as const;

/** A consumer that answers every path with who it is and what it was asked. */
async function echo(name: string): Promise<FakeConsumer> {
  const fake = await FakeConsumer.start();
  return fake.on('POST /*', async (exchange) => {
    const body = await exchange.readBody();
    await exchange.json(200, { name, path: exchange.head.path, body: body.toString('latin1') });
  });
}

async function start(models: Settings, settings: Settings = {}): Promise<{ alpha: FakeConsumer; beta: FakeConsumer }> {
  const [alpha, beta] = [await echo('alpha'), await echo('beta')];
  broker = await startBroker({
    consumers: { alpha: { fake: alpha, settings }, beta: { fake: beta, settings: { gpu_paths: ['POST /v1/chat/completions'] } } },
    settings: { models, routing: { llm: 'alpha', tts: 'alpha', stt: 'beta', image: 'beta' } },
  });
  return { alpha, beta };
}

const ask = (path: string, body: unknown, headers = {}): Promise<Answer> => request({ url: broker.url + path, method: 'POST', body, headers });

async function said(path: string, body: unknown, headers = {}): Promise<{ name: string; path: string; body: string }> {
  const answer = await ask(path, body, headers);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body);
}

describe('the model in the body says who answers', () => {
  test.each(OPENAI_PATHS)('at %s, byte for byte as it came', async (path) => {
    await start({ a: { consumer: 'beta' }, b: { consumer: 'alpha' } });
    const body = `{ "input" : "x\\u00e9",\n "model":"b" , "n": 1.0 }`;
    expect(await said(path, body, { 'content-type': 'application/json' })).toEqual({ name: 'alpha', path, body });
  });

  test.each([
    ['its name', 'qwen3:14b', 'alpha'],
    ['an alias', 'gpt-4o', 'alpha'],
    ['a beginning', 'ollama/llama3', 'beta'],
    ['the longer of two beginnings', 'ollama/big/llama3', 'alpha'],
    ['its name rather than a beginning', 'ollama/exact', 'alpha'],
    ['an alias that is a beginning', 'local-7b', 'beta'],
  ])('by %s', async (_, model, name) => {
    await start({
      'qwen3:14b': { consumer: 'alpha', aliases: ['gpt-4o'] },
      'ollama/*': { consumer: 'beta', aliases: ['local-*'] },
      'ollama/big/*': { consumer: 'alpha' },
      'ollama/exact': { consumer: 'alpha' },
    });
    expect(await said('/v1/chat/completions', { model })).toMatchObject({ name });
  });

  test('also behind a large value, and without a Content-Type', async () => {
    await start({ late: { consumer: 'beta' } });
    const body = JSON.stringify({ messages: [{ content: 'A"\\'.repeat(100_000) }], model: 'late' });
    expect(await said('/v1/chat/completions', body)).toMatchObject({ name: 'beta', body });
  });

  test('in a form, also behind its file', async () => {
    await start({ whisper: { consumer: 'alpha' } });
    const file = randomBytes(300_000);
    const body = Buffer.concat([
      Buffer.from('--x y\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'),
      file,
      Buffer.from('\r\n--x y\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n--x y--\r\n'),
    ]);
    const headers = { 'content-type': 'multipart/form-data; boundary="x y"' };
    expect((await said('/v1/audio/transcriptions', body, headers)).body).toBe(body.toString('latin1'));
  });

  test('without one the consumer of the kind answers', async () => {
    await start({ other: { consumer: 'beta' } });
    for (const model of ['', null, undefined]) expect(await said('/v1/embeddings', { input: 'x', model })).toMatchObject({ name: 'alpha' });
  });
});

describe('a request is changed', () => {
  const models = {
    'small*': { consumer: 'alpha', use_model_name: 'llama3.2:*', strip_params: ['user', 'top_k'], set_params: { temperature: 0.5, options: { num_ctx: 4096 } } },
  };

  test('only where that was asked for, with the right length', async () => {
    await start(models);
    const body = '{"user":"me", "messages":[{"role":"user","content":"\u00e4 \\"model\\":\\"no\\""}] ,"model": "small3b","temperature":1,"top_k":4}';
    const { body: got } = await said('/v1/chat/completions', body);
    expect(JSON.parse(Buffer.from(got, 'latin1').toString())).toEqual({
      messages: [{ role: 'user', content: '\u00e4 "model":"no"' }],
      model: 'llama3.2:3b',
      temperature: 0.5,
      options: { num_ctx: 4096 },
    });
    expect(Buffer.from(got, 'latin1').toString()).toContain('"messages":[{"role":"user","content":"\u00e4 \\"model\\":\\"no\\""}] ');
  });

  test('also in a form and on disk', async () => {
    await start({ whisper: { consumer: 'alpha', use_model_name: 'large-v3', strip_params: ['prompt'], set_params: { language: 'de' } } });
    const form = new FormData();
    form.append('model', 'whisper');
    form.append('prompt', 'x'.repeat(100));
    form.append('file', new Blob([randomBytes(200_000)]), 'a.wav');
    const sent = new Response(form);
    const type = sent.headers.get('content-type') ?? '';
    const answer = await said('/v1/audio/transcriptions', Buffer.from(await sent.arrayBuffer()), { 'content-type': type });
    const parts = parseMultipart(type, Buffer.from(answer.body, 'latin1')) ?? [];
    expect(parts.map(({ name, filename, bytes }) => [name, filename ?? bytes.toString(), bytes.length])).toEqual([
      ['model', 'large-v3', 8],
      ['file', 'a.wav', 200_000],
      ['language', 'de', 2],
    ]);
  });
});

describe('refused', () => {
  test('an unknown model, with near names', async () => {
    await start({ 'qwen3:14b': { consumer: 'alpha' }, 'llama3.2': { consumer: 'alpha' } });
    const answer = await ask('/v1/chat/completions', { model: 'qwen3' });
    expect(answer.status).toBe(404);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(JSON.parse(answer.body)).toEqual({
      error: {
        message: 'there is no model "qwen3"; near names are "qwen3:14b"',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
        retryable: false,
        request_id: answer.headers['x-request-id'],
      },
    });
  });

  test('for Anthropic\u2019s clients in their form', async () => {
    await start({});
    const answer = await ask('/v1/messages', { model: 'claude' });
    expect(answer.status).toBe(404);
    expect(answer.headers['request-id']).toBe(answer.headers['x-request-id']);
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'error', error: { type: 'not_found_error', code: 'model_not_found', retryable: false } });
  });

  test.each([
    ['no JSON', 'model=x', /not a JSON object/],
    ['cut off', '{"model":"a"', /not a JSON object/],
    ['a list', '[]', /not a JSON object/],
    ['two models', '{"model":"a","model":"b"}', /more than once/],
    ['a number', '{"model":1}', /not a string/],
  ])('a body that is %s', async (_, body, message) => {
    const { alpha } = await start({ a: { consumer: 'alpha' } });
    const answer = await ask('/v1/chat/completions', body);
    expect({ status: answer.status, ...JSON.parse(answer.body).error }).toMatchObject({ status: 400, code: 'bad_request', message: expect.stringMatching(message) });
    expect(alpha.jobs).toHaveLength(0);
  });

  test('a compressed body, before it is sent', async () => {
    await start({ a: { consumer: 'alpha' } });
    const upload = openUpload(`${broker.url}/v1/chat/completions`, { 'content-encoding': 'gzip', 'content-length': 10 });
    expect((await upload.ended).status).toBe(400);
    upload.abort();
  });

  test('a path that the consumer has not: nothing is sent to another', async () => {
    const { alpha, beta } = await start({ b: { consumer: 'beta' } });
    const answer = await ask('/v1/embeddings', { model: 'b' });
    expect({ status: answer.status, ...JSON.parse(answer.body).error }).toMatchObject({ status: 501, code: 'no_consumer', consumer: 'beta' });
    expect([...alpha.jobs, ...beta.jobs]).toHaveLength(0);
  });

  test('another method', async () => {
    await start({});
    expect(await request({ url: `${broker.url}/v1/chat/completions` })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  test('no model and no route', async () => {
    const { alpha } = await start({});
    broker.reload({ consumers: { alpha: { fake: alpha } }, settings: { routing: { llm: undefined } } });
    expect((await ask('/v1/chat/completions', {})).status).toBe(400);
  });
});
