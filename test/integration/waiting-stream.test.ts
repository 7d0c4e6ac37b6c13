import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import type { FakeExchange } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let server: FakeConsumer;
let release: () => void;
afterEach(async () => {
  release();
  await broker.stop();
});

/** What the consumer answers to everybody but the first, who holds the card until `release`. */
type Answer = (exchange: FakeExchange) => Promise<void>;

const EVENTS = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n';
const streams: Answer = (exchange) => exchange.send(200, EVENTS, { 'Content-Type': 'text/event-stream' });

async function start(answer: Answer, queue: Settings = {}, timeouts: Settings = {}): Promise<OpenRequest> {
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  server = await FakeConsumer.start();
  server.on('POST /*', async (exchange) => {
    const body = await exchange.readBody();
    if (!body.includes('hold')) return answer(exchange);
    await held.promise;
    await exchange.json(200, {});
  });
  broker = await startBroker({
    consumers: { server: { fake: server } },
    settings: { models: { '*': { consumer: 'server' } }, queue: { keepalive_after: '40ms', ...queue }, timeouts },
  });
  const holder = openRequest({ url: `${broker.url}/v1/chat/completions`, method: 'POST', body: { model: 'hold' } });
  await server.waitFor(1);
  return holder;
}

const ask = (body: object = {}, path = '/v1/chat/completions'): OpenRequest =>
  openRequest({ url: broker.url + path, method: 'POST', body: { model: 'm', stream: true, ...body } });

async function allOf(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function threeTimes(act: () => Promise<unknown>): Promise<void> {
  for (let times = 0; times < 3; times += 1) await act();
}

/** The text that has come so far. */
async function reading(open: OpenRequest): Promise<{ text: string }> {
  const seen = { text: '' };
  (await open.response).on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
  return seen;
}

describe('while a request for a stream waits', () => {
  test('its status comes early, with a comment each time that says its place', async () => {
    await start(streams);
    const first = ask();
    await broker.waiting(1);
    const second = ask();
    const response = await second.response;
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no', 'x-consumer': 'server' });
    const seen = await reading(second);
    await until(() => seen.text.startsWith(': waiting, position 2\n\n: waiting, position 2\n\n'));
    release();
    expect((await first.ended).body.replaceAll(/^: .*\n\n/gm, '')).toBe(EVENTS);
    await second.ended;
    expect(seen.text.replaceAll(/^: .*\n\n/gm, '')).toBe(EVENTS);
  });

  test('it is told how long that takes, once that is known', async () => {
    await start(streams);
    release();
    await threeTimes(() => ask().ended);
    const held = Promise.withResolvers<void>();
    release = held.resolve;
    server.on('POST /*', async (exchange) => {
      await exchange.readBody();
      await held.promise;
      await streams(exchange);
    });
    const jobs = server.jobs.length;
    const running = ask();
    await server.waitFor(jobs + 1);
    const seen = await reading(ask());
    await until(() => /: waiting, position 1, about \d+ s\n\n/.test(seen.text));
    release();
    await running.ended;
  });

  test.each([
    ['that does not ask for one', { stream: false }, '/v1/chat/completions'],
    ['of the fa\u00e7ade', { stream: true }, '/v1/llm'],
  ])('nothing is sent before the answer to a request %s', async (_, body, path) => {
    await start(streams);
    const quiet = openRequest({ url: broker.url + path, method: 'POST', body: { model: 'm', ...body } });
    const loud = await reading(ask());
    // The one behind it has had its comments by now.
    await until(() => loud.text.split(': waiting').length > 3);
    let hasBegun = false;
    void quiet.response.then(() => (hasBegun = true));
    await until(() => loud.text.split(': waiting').length > 4);
    expect(hasBegun).toBe(false);
    release();
    if (path === '/v1/llm') server.on('POST /work', streams);
    await quiet.ended;
  });

  test('a quick refusal keeps its status', async () => {
    await start(streams, { max_waiting: 1 });
    const waiting = ask();
    await broker.waiting(1);
    const refused = await ask().ended;
    expect(refused).toMatchObject({ status: 429, headers: { 'x-should-retry': 'true', 'retry-after': expect.any(String), 'retry-after-ms': expect.any(String) } });
    expect(JSON.parse(refused.body).error).toMatchObject({ code: 'queue_full', type: 'rate_limit_error' });
    waiting.abort();
  });

  test('one that leaves is out at once', async () => {
    await start(streams);
    const waiting = ask();
    await waiting.response;
    waiting.abort();
    await broker.waiting(0);
    expect(server.jobs).toHaveLength(1);
  });
});

describe('an error after the head is an event of the stream', () => {
  const key = { apiKey: 'none', maxRetries: 0 };

  test('that OpenAI\u2019s client throws: the wait was too long', async () => {
    await start(streams, { max_wait: '150ms' });
    const stream = await new OpenAI({ ...key, baseURL: `${broker.url}/v1` }).chat.completions.create({ model: 'm', messages: [], stream: true });
    await expect(allOf(stream)).rejects.toMatchObject({ code: 'queue_timeout', error: { consumer: 'server', retryable: true } });
  });

  test('that Anthropic\u2019s client throws', async () => {
    await start(streams, { max_wait: '150ms' });
    const stream = await new Anthropic({ ...key, baseURL: broker.url }).messages.create({ model: 'm', max_tokens: 1, messages: [], stream: true });
    await expect(allOf(stream)).rejects.toThrow('queue_timeout');
  });

  test('in the form of the Responses API', async () => {
    await start(streams, { max_wait: '150ms' });
    const { body, complete } = await ask({}, '/v1/responses').ended;
    const [, data = ''] = /\nevent: error\ndata: (.*)\n\n$/.exec(body) ?? [];
    expect(JSON.parse(data)).toMatchObject({ type: 'error', code: 'queue_timeout', sequence_number: 0 });
    expect(complete).toBe(true);
  });

  test.each<[string, Answer, object]>([
    ['the consumer refuses', (exchange) => exchange.json(400, { error: { message: 'no such template', code: 400 } }), { code: 'consumer_error', message: /no such template/ }],
    ['the consumer streams nothing', (exchange) => exchange.json(200, { choices: [] }), { code: 'consumer_unreachable', message: /stream/ }],
    ['the consumer breaks off', async (exchange) => exchange.rst(), { code: 'consumer_unreachable', message: /broke off/ }],
  ])('%s', async (_, answer, { code, message }: { code?: string; message?: RegExp }) => {
    const holder = await start(answer);
    const waiting = ask();
    await waiting.response;
    release();
    const { body, complete } = await waiting.ended;
    await holder.ended;
    const [, data = '{}'] = /\ndata: (.*)\n\n$/.exec(body) ?? [];
    expect(JSON.parse(data).error).toMatchObject({ code, message: expect.stringMatching(message ?? /./), consumer: 'server' });
    expect(body).not.toContain('[DONE]');
    expect(complete).toBe(true);
  });

  test('of a consumer that streams nothing and falls silent, and the card is free', async () => {
    await start(
      async (exchange) => {
        await exchange.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
        await exchange.never();
      },
      {},
      { idle: '200ms' },
    );
    const waiting = ask();
    await waiting.response;
    release();
    expect((await waiting.ended).body).toContain('consumer_unreachable');
    await broker.running(0);
  });

  test('but a stream that breaks off in its middle is cut', async () => {
    await start(async (exchange) => {
      await exchange.beginChunks(200, { 'Content-Type': 'text/event-stream' });
      await exchange.chunk('data: {"a":1}\n\n');
      exchange.rst();
    });
    const waiting = ask();
    await waiting.response;
    release();
    const { body, complete } = await waiting.ended;
    expect(body).toContain('data: {"a":1}');
    expect(complete).toBe(false);
  });
});

describe('a deadline that cannot be met', () => {
  test.each([
    ['Prefer', 'wait=1'],
    ['X-Stainless-Timeout', '1'],
  ])('is refused at once, with the estimate: %s', async (name, value) => {
    await start(streams);
    release();
    // Three that took so long that a fourth cannot be done in a second.
    const gate = broker.daemon.gate;
    expect(gate.statistics.running).toBeLessThan(2);
    server.on('POST /*', async (exchange) => {
      await exchange.readBody();
      await exchange.delay(sleep(700));
      await exchange.json(200, {});
    });
    await threeTimes(() => request({ url: `${broker.url}/v1/chat/completions`, method: 'POST', body: { model: 'm' } }));
    const jobs = server.jobs.length;
    const others = [1, 2, 3].map(() => openRequest({ url: `${broker.url}/v1/chat/completions`, method: 'POST', body: { model: 'm' } }));
    await server.waitFor(jobs + 1);
    await broker.waiting(2);
    const answer = await request({ url: `${broker.url}/v1/chat/completions`, method: 'POST', body: { model: 'm' }, headers: { [name]: value } });
    expect(answer).toMatchObject({ status: 429, headers: { 'x-should-retry': 'false' } });
    const { error } = JSON.parse(answer.body);
    expect(error).toMatchObject({ code: 'deadline_unreachable', consumer: 'server', estimate_s: expect.any(Number) });
    for (const each of others) each.abort();
  });
});
