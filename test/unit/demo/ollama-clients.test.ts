import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { createOllama } from '../../../lib/demo/servers/ollama.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { request } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const model = 'llama3.2:3b';
const messages = [{ role: 'user' as const, content: 'Hi' }];
let demo: RunningDemo;

beforeEach(async () => {
  demo = await startDemo(createOllama);
});
afterEach(() => demo.stop());

describe("Ollama's client", () => {
  test('streams a chat', async () => {
    let said = '';
    for await (const { message } of await client().chat({ model, messages, stream: true })) said += message.content;
    expect(said).toMatch(/^You asked: "Hi"/);
  });

  test('loads, lists, shows, embeds and unloads', async () => {
    const ollama = client();
    expect((await ollama.generate({ model, prompt: '' })).done_reason).toBe('load');
    expect((await ollama.ps()).models).toMatchObject([{ name: model, details: { family: 'llama' } }]);
    expect((await ollama.list()).models.map(({ name }) => name)).toContain(model);
    expect(await ollama.show({ model })).toMatchObject({ capabilities: expect.arrayContaining(['completion']) });
    const { embeddings } = await ollama.embed({ model, input: ['one', 'two', 'one'] });
    expect(embeddings).toHaveLength(3);
    expect(embeddings[0]).toEqual(embeddings[2]);
    expect(embeddings[0]).not.toEqual(embeddings[1]);
    expect((await ollama.embeddings({ model, prompt: 'one' })).embedding).toEqual(embeddings[0]);
    await ollama.generate({ model, prompt: '', keep_alive: 0 });
    await until(() => demo.card.memory.usedMib() === 0);
  });

  test('reads its errors', async () => {
    await expect(client().show({ model: 'nope' })).rejects.toMatchObject({ status_code: 404, error: "model 'nope' not found" });
  });

  function client(): Ollama {
    return new Ollama({ host: demo.url });
  }
});

describe("OpenAI's client", () => {
  test('streams a chat as events', async () => {
    const stream = await client().chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } });
    let said = '';
    let tokens = 0;
    for await (const { choices, usage } of stream) {
      said += choices[0]?.delta.content ?? '';
      tokens = usage?.completion_tokens ?? tokens;
    }
    expect(said).toMatch(/^You asked: "Hi"/);
    expect(tokens).toBeGreaterThan(10);
  });

  test('gets a chat in one piece, and the models', async () => {
    const answer = await client().chat.completions.create({ model, messages });
    expect(answer).toMatchObject({ object: 'chat.completion', choices: [{ finish_reason: 'stop', message: { role: 'assistant' } }] });
    expect((await client().models.list()).data).toMatchObject([{ id: model }, { id: 'qwen2.5:0.5b' }]);
  });

  test('gets a completion, streamed or not', async () => {
    const whole = await client().completions.create({ model, prompt: 'Hi' });
    expect(whole).toMatchObject({ object: 'text_completion', choices: [{ finish_reason: 'stop', text: expect.stringMatching(/^You asked: "Hi"/) }] });
    let said = '';
    for await (const { choices } of await client().completions.create({ model, prompt: 'Hi', stream: true })) said += choices[0]?.text ?? '';
    expect(said).toBe(whole.choices[0]?.text);
  });

  test('gets a response, streamed or not', async () => {
    const whole = await client().responses.create({ model, input: 'Hi' });
    expect(whole).toMatchObject({ object: 'response', status: 'completed', tools: [], output_text: expect.stringMatching(/^You asked: "Hi"/) });
    const streamed = await client().responses.stream({ model, input: [{ role: 'user', content: 'Hi' }] }).finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
  });

  test('gets embeddings as numbers, however they come', async () => {
    const { data } = await client().embeddings.create({ model, input: ['one', 'two'] });
    const { data: plain } = await client().embeddings.create({ model, input: ['one', 'two'], encoding_format: 'float' });
    expect(data.map(({ embedding }) => embedding)).toEqual(plain.map(({ embedding }) => embedding.map((value) => Math.fround(value))));
    await expect(client().embeddings.create({ model, input: [] })).rejects.toMatchObject({ status: 400 });
  });

  test('reads its errors', async () => {
    const asked = client().chat.completions.create({ model: 'nope', messages });
    await expect(asked).rejects.toMatchObject({ status: 404, type: 'not_found_error', message: "404 model 'nope' not found" });
  });

  test('ends the work when it leaves', async () => {
    await demo.post('/api/generate', { model });
    demo.time.hold();
    const leaving = new AbortController();
    const asked = client().chat.completions.create({ model, messages, stream: true }, { signal: leaving.signal });
    await until(() => demo.time.pending === 1);
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ message: 'Request was aborted.' });
    await until(() => demo.time.aborted === 1);
  });

  function client(): OpenAI {
    return new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }
});

describe("Anthropic's client", () => {
  const asked = { model, max_tokens: 100, messages };

  test('gets a message, streamed or not', async () => {
    const whole = await client().messages.create(asked);
    expect(whole).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn', usage: { input_tokens: 1 } });
    const streamed = await client().messages.stream(asked).finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(whole.content).toMatchObject([{ type: 'text', text: expect.stringMatching(/^You asked: "Hi"/) }]);
  });

  test('reads its errors', async () => {
    const unknown = client().messages.create({ ...asked, model: 'nope' });
    await expect(unknown).rejects.toMatchObject({ status: 404, error: { type: 'error', error: { type: 'not_found_error', message: "model 'nope' not found" } } });
    await expect(client().messages.create({ ...asked, max_tokens: 0 })).rejects.toMatchObject({ status: 400 });
  });

  test('reads an error in the middle of a stream', async () => {
    await demo.stop();
    demo = await startDemo((options) => createOllama({ ...options, quirks: { mid_stream_error: true } }));
    await expect(client().messages.stream(asked).finalMessage()).rejects.toThrow('CUDA error');
  });

  function client(): Anthropic {
    return new Anthropic({ baseURL: demo.url, apiKey: 'none', maxRetries: 0 });
  }
});

test('events end with [DONE], and a stream that breaks has an error event', async () => {
  const body = { model, messages, stream: true };
  const whole = await demo.post('/v1/chat/completions', body);
  expect(whole.headers['content-type']).toBe('text/event-stream');
  expect(whole.body).toMatch(/^data: \{.*\}\n\n/);
  expect(whole.body.endsWith('data: [DONE]\n\n')).toBe(true);
  await demo.stop();
  demo = await startDemo((options) => createOllama({ ...options, quirks: { mid_stream_error: true } }));
  const broken = await request({ url: `${demo.url}/v1/chat/completions`, method: 'POST', body });
  expect(broken).toMatchObject({ status: 200, body: expect.stringMatching(/data: \{"error":\{[^}]*\}\}\n\n$/) });
});
