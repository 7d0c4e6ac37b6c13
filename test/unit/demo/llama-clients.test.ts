import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { createLlamaRouter } from '../../../lib/demo/servers/llama-router.ts';
import { createLlamaServer } from '../../../lib/demo/servers/llama-server.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { until } from '../../support/until.ts';

const model = 'any';
const content = 'Why is the sky blue?';
const messages = [{ role: 'user' as const, content }];
const ANSWER = /^You asked: "Why is the sky blue\?"/;
let demo: RunningDemo;

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<void> {
  demo = await startDemo((options) => createLlamaServer({ ...options, quirks }));
  expect((await demo.get('/health')).status).toBe(200);
}

function openai(): OpenAI {
  return new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

function anthropic(): Anthropic {
  return new Anthropic({ baseURL: demo.url, apiKey: 'none', maxRetries: 0 });
}

/** The events of a stream as `name data`. */
function namedEvents(body: string): (readonly [name: string | undefined, data: unknown])[] {
  return body.trimEnd().split('\n\n').map((event) => {
    const [, name, data = ''] = /^(?:event: (.*)\n)?data: (.*)$/.exec(event) ?? [];
    return [name, JSON.parse(data)];
  });
}

describe("OpenAI's client", () => {
  test('gets a chat, a completion and a response in one piece', async () => {
    await start();
    const chat = await openai().chat.completions.create({ model, messages });
    expect(chat.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: expect.stringMatching(ANSWER) } });
    const completion = await openai().completions.create({ model, prompt: content });
    expect(completion.choices[0]?.text).toMatch(ANSWER);
    const response = await openai().responses.create({ model, input: content });
    expect(response).toMatchObject({ object: 'response', status: 'completed', output_text: expect.stringMatching(ANSWER) });
    expect(response.usage).toMatchObject({ input_tokens: 5, output_tokens: expect.any(Number) });
  });

  test('streams a response, and puts it together from its events', async () => {
    await start();
    const stream = openai().responses.stream({ model, instructions: 'Be brief.', input: [{ role: 'user', content }], max_output_tokens: 4 });
    let said = '';
    stream.on('response.output_text.delta', ({ delta }) => (said += delta));
    const { output_text: text, status } = await stream.finalResponse();
    expect({ text, status }).toEqual({ text: said, status: 'completed' });
    expect(text).toBe('You asked: "Be brief.\n');
  });

  test('gets embeddings from a server that was started for them', async () => {
    await start({ embeddings: true });
    const input = ['one', 'two', 'one'];
    const asBytes = (await openai().embeddings.create({ model, input })).data.map(({ embedding }) => embedding);
    const asNumbers = (await openai().embeddings.create({ model, input, encoding_format: 'float' })).data.map(({ embedding }) => embedding);
    expect(asBytes[0]).toEqual(asBytes[2]);
    expect(asBytes[0]).not.toEqual(asBytes[1]);
    expect(asBytes).toEqual(asNumbers.map((vector) => vector.map((value) => Math.fround(value))));
  });

  test('reads its errors', async () => {
    await start();
    await expect(openai().embeddings.create({ model, input: 'one' })).rejects.toMatchObject({ status: 501, type: 'not_supported_error' });
    const nothing = { model };
    await expect(openai().post('/responses', { body: nothing })).rejects.toMatchObject({ status: 400, message: "400 'input' is required" });
  });

  test('lists the models', async () => {
    await start();
    expect((await openai().models.list()).data).toMatchObject([{ id: 'llama-3.2-3b', object: 'model' }]);
  });
});

describe("Anthropic's client", () => {
  const asked = { model, max_tokens: 100, system: 'Be brief.', messages };

  test('gets a message in one piece', async () => {
    await start();
    const message = await anthropic().messages.create({ ...asked, max_tokens: 3 });
    expect(message).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'max_tokens', usage: { output_tokens: 3 } });
    expect(message.content).toEqual([{ type: 'text', text: 'You asked: "Be ' }]);
  });

  test('streams a message, and puts it together from its events', async () => {
    await start();
    const stream = anthropic().messages.stream({ ...asked, messages: [{ role: 'user', content: [{ type: 'text', text: content }] }] });
    let said = '';
    stream.on('text', (text) => (said += text));
    const message = await stream.finalMessage();
    expect(message).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text', text: said }] });
    expect(said).toContain('Why is the sky blue?');
  });

  test('counts tokens, which wakes a sleeping model', async () => {
    await start({ sleep_when_idle: true });
    await until(() => demo.card.memory.usedMib() === 600);
    demo.time.hold();
    const counted = anthropic().messages.countTokens({ model, system: 'Be brief.', messages });
    await until(() => demo.time.pending === 1);
    demo.time.go();
    expect(await counted).toEqual({ input_tokens: 8 });
  });

  test('reads an error in the middle of a stream', async () => {
    await start({ mid_stream_error: true });
    await expect(anthropic().messages.stream(asked).finalMessage()).rejects.toThrow('Compute error.');
  });

  test('ends the work when it leaves', async () => {
    await start();
    demo.time.hold();
    const stream = anthropic().messages.stream(asked);
    const ended = expect(stream.finalMessage()).rejects.toThrow('Request was aborted.');
    await until(() => demo.time.pending === 1);
    stream.abort();
    await ended;
    await until(() => demo.time.aborted === 1);
  });

  test('makes a router load its model, also to count tokens', async () => {
    demo = await startDemo(createLlamaRouter);
    await expect(anthropic().messages.countTokens({ model, messages })).rejects.toMatchObject({ status: 400 });
    expect(await anthropic().messages.countTokens({ model: 'stories260k', messages })).toEqual({ input_tokens: 5 });
    expect(demo.card.memory.usedMib()).toBe(300);
    const { model: name } = await anthropic().messages.create({ ...asked, model: 'stories260k' });
    expect(name).toBe('stories260k');
  });
});

describe('a stream of named events', () => {
  test('has the events of a message in their order, and no [DONE]', async () => {
    await start();
    const { headers, body } = await demo.post('/v1/messages', { max_tokens: 1, messages, stream: true });
    expect(headers['content-type']).toBe('text/event-stream');
    const events = namedEvents(body);
    expect(events.map(([name]) => name)).toEqual([
      'message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop',
    ]);
    expect(events[0]?.[1]).toMatchObject({ type: 'message_start', message: { role: 'assistant', content: [], usage: { input_tokens: 5, output_tokens: 0 } } });
    expect(events[2]?.[1]).toEqual({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'You ' } });
    expect(events[4]?.[1]).toMatchObject({ delta: { stop_reason: 'max_tokens', stop_sequence: null }, usage: { output_tokens: 1 } });
  });

  test('has the events of a response in their order, numbered', async () => {
    await start();
    const events = namedEvents((await demo.post('/v1/responses', { max_output_tokens: 1, input: 'Hi', stream: true })).body);
    expect(events.map(([name]) => name)).toEqual([
      'response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added', 'response.output_text.delta',
      'response.output_text.done', 'response.content_part.done', 'response.output_item.done', 'response.completed',
    ]);
    expect(events.map(([, data]) => data)).toMatchObject(events.map(([name], at) => ({ type: name, sequence_number: at })));
    expect(events.at(-1)?.[1]).toMatchObject({ response: { status: 'completed', output: [{ content: [{ text: 'You ' }] }] } });
  });
});

describe('reranking', () => {
  const body = { query: 'blue sky', documents: ['Grass is green.', 'The sky is blue.', 'The sky.'] };

  test('orders documents by how well they answer a query', async () => {
    await start({ reranking: true });
    const answer = JSON.parse((await demo.post('/v1/rerank', { ...body, top_n: 2 })).body);
    expect(answer).toMatchObject({ object: 'list', results: [{ index: 1, relevance_score: 1 }, { index: 2, relevance_score: 0.5 }] });
  });

  test('needs a server that was started for it, a query and documents', async () => {
    await start();
    expect(await demo.post('/v1/rerank', body)).toMatchObject({ status: 501, body: expect.stringContaining('--reranking') });
    await demo.stop();
    await start({ reranking: true });
    expect(await demo.post('/rerank', { query: 'sky' })).toMatchObject({ status: 400, body: expect.stringContaining('documents') });
    expect(await demo.post('/rerank', { documents: ['sky'] })).toMatchObject({ status: 400, body: expect.stringContaining('query') });
  });
});
