import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClientBench, LLAMA_MODEL, MODEL } from '../support/client-bench.ts';
import type { BenchOptions } from '../support/client-bench.ts';
import { until } from '../support/until.ts';

const content = 'Why is the sky blue?';
const messages = [{ role: 'user' as const, content }];
const asked = { model: 'claude-haiku-4-5', max_tokens: 200, messages };
const PATH = '/v1/messages';
const ANSWER = /^You asked: "Why is the sky blue\?"/;

let bench: ClientBench;
let client: Anthropic;

async function start(options: BenchOptions = {}): Promise<void> {
  bench = await ClientBench.start(options);
  client = new Anthropic({ baseURL: bench.url, apiKey: 'none' });
}
afterEach(() => bench.stop());

describe("Anthropic's client gets", () => {
  beforeEach(() => start());

  test('a message from every consumer that speaks its API', async () => {
    for (const model of [asked.model, LLAMA_MODEL, MODEL]) {
      const { content: blocks, stop_reason: reason } = await client.messages.create({ ...asked, model });
      expect({ blocks, reason }).toEqual({ blocks: [{ type: 'text', text: expect.stringMatching(ANSWER) }], reason: 'end_turn' });
    }
    expect(bench.work).toEqual(['llama-server messages', 'llama-server messages', 'ollama generate']);
  });

  test('a stream, and puts the message together from it', async () => {
    const stream = client.messages.stream(asked);
    let said = '';
    stream.on('text', (text) => (said += text));
    const { content: blocks, usage } = await stream.finalMessage();
    expect(said).toMatch(ANSWER);
    expect(blocks).toEqual([{ type: 'text', text: said }]);
    expect(usage.output_tokens).toBeGreaterThan(3);
  });

  test('a stream that waited for the card, of whose comments it notices nothing', async () => {
    await bench.stop();
    await start({ file: { queue: { keepalive_after: '20ms' } } });
    const release = await bench.occupy();
    const stream = client.messages.stream(asked);
    let connected = false;
    stream.on('connect', () => (connected = true));
    // Only the early head of a stream that waits can have connected it.
    await until(() => connected);
    expect(bench.work).toEqual([]);
    await release();
    expect((await stream.finalMessage()).content).toMatchObject([{ text: expect.stringMatching(ANSWER) }]);
  });

  test('the count of its tokens', async () => {
    expect(await client.messages.countTokens({ model: asked.model, messages })).toEqual({ input_tokens: expect.any(Number) });
  });
});

describe("Anthropic's client reads", () => {
  test('that there is no such model, and which request that was', async () => {
    await start();
    const refused = client.messages.create({ ...asked, model: 'llama-3.2-7b' });
    await expect(refused).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    await expect(refused).rejects.toMatchObject({ type: 'not_found_error', apiMessage: expect.stringContaining(`"${LLAMA_MODEL}"`) });
    const id = await refused.catch((error: unknown) => (error instanceof Anthropic.APIError ? error.requestID : null));
    expect(bench.asked(PATH).map((fields) => fields?.['id'])).toEqual([id]);
  });

  test('that the queue is full, and is served when it asks again', async () => {
    await start({ file: { queue: { max_waiting: 1 } } });
    const release = await bench.occupy();
    const waiting = client.messages.create(asked);
    await bench.broker.waiting(1);
    const refused = client.messages.create(asked, { maxRetries: 0 });
    await expect(refused).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    await expect(refused).rejects.toMatchObject({ status: 429, type: 'rate_limit_error', error: { error: { code: 'queue_full', retryable: true } } });
    const patient = client.messages.create(asked);
    await until(() => bench.asked(PATH).length === 2);
    await release();
    for (const each of [await waiting, await patient]) expect(each.content).toMatchObject([{ text: expect.stringMatching(ANSWER) }]);
    expect(bench.asked(PATH).map((fields) => fields?.['status'])).toEqual([429, 429, 200, 200]);
  });

  test('that it has waited for too long, and does not queue again', async () => {
    await start({ file: { queue: { max_wait: '50ms' } } });
    const release = await bench.occupy();
    const refused = client.messages.create(asked);
    await expect(refused).rejects.toBeInstanceOf(Anthropic.InternalServerError);
    await expect(refused).rejects.toMatchObject({ status: 503, type: 'overloaded_error', error: { error: { code: 'queue_timeout' } } });
    await release();
    expect(bench.asked(PATH)).toHaveLength(1);
  });

  test('that the consumer of a model does not speak its API: nobody else is asked', async () => {
    await start();
    const refused = client.messages.create({ ...asked, model: 'whisper-1' });
    await expect(refused).rejects.toMatchObject({ status: 501, type: 'api_error', error: { error: { code: 'no_consumer', consumer: 'whisper-server' } } });
    await expect(client.messages.countTokens({ model: MODEL, messages })).rejects.toMatchObject({ status: 501, error: { error: { consumer: 'ollama' } } });
    expect(bench.asked(PATH)).toHaveLength(1);
    expect(bench.work).toEqual([]);
  });
});

test("Anthropic's client leaves while it waits, and while it is answered, and nothing of it is left", async () => {
  await start();
  const release = await bench.occupy();
  const leaving = new AbortController();
  const waiting = client.messages.create(asked, { signal: leaving.signal });
  await bench.broker.waiting(1);
  leaving.abort();
  await expect(waiting).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
  await bench.broker.waiting(0);
  await release();
  const { time } = bench.servers.llama;
  time.hold();
  const answered = client.messages.stream(asked);
  await until(() => bench.atWork === 1 && time.pending === 1);
  answered.abort();
  await expect(answered.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
  await until(() => time.aborted === 1);
  await bench.broker.running(0);
  expect(bench.work).toEqual(['llama-server messages']);
});
