import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { APICallError, RetryError, embed, embedMany, generateText, streamText } from 'ai';
import type { Broker } from '../support/broker.ts';
import { ClientBench, LLAMA_MODEL, MODEL, realModelBroker } from '../support/client-bench.ts';
import type { BenchOptions } from '../support/client-bench.ts';
import { startRealLlama, whyNoModel } from '../support/real-llama.ts';
import type { RealLlama } from '../support/real-llama.ts';
import { until } from '../support/until.ts';

const prompt = 'Why is the sky blue?';
const ANSWER = /^You asked: "Why is the sky blue\?"/;
const CHAT = '/v1/chat/completions';

/** The models of a broker, as the SDK has them. */
const modelsAt = (url: string) => createOpenAICompatible({ name: 'mgpumanager', baseURL: `${url}/v1` });

async function textOf(stream: AsyncIterable<string>): Promise<readonly string[]> {
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

describe('the AI SDK', () => {
  let bench: ClientBench;
  let models: ReturnType<typeof modelsAt>;

  async function start(options: BenchOptions = {}): Promise<void> {
    bench = await ClientBench.start(options);
    models = modelsAt(bench.url);
  }
  afterEach(() => bench.stop());

  test('generates a text, whole or as a stream', async () => {
    await start();
    const { text, finishReason } = await generateText({ model: models(MODEL), prompt });
    expect({ text, finishReason }).toEqual({ text: expect.stringMatching(ANSWER), finishReason: 'stop' });
    const pieces = await textOf(streamText({ model: models(LLAMA_MODEL), prompt }).textStream);
    expect(pieces.join('')).toMatch(ANSWER);
    expect(pieces.length).toBeGreaterThan(3);
    expect(bench.work).toEqual(['ollama generate', 'llama-server chat']);
  });

  test('embeds one text or several', async () => {
    await start();
    const model = models.embeddingModel(MODEL);
    const { embedding } = await embed({ model, value: 'one' });
    const { embeddings } = await embedMany({ model, values: ['one', 'two'] });
    expect(embeddings[0]).toEqual(embedding);
    expect(embeddings[1]).not.toEqual(embedding);
  });

  test('reads that there is no such model, and does not ask again', async () => {
    await start();
    const error: unknown = await generateText({ model: models('llama3.2:8b'), prompt }).catch((thrown: unknown) => thrown);
    if (!APICallError.isInstance(error)) throw new Error(`expected an error of the API, got ${error}`);
    expect(error).toMatchObject({ statusCode: 404, isRetryable: false, message: expect.stringContaining(`"${MODEL}"`) });
    expect(JSON.parse(error.responseBody ?? '')).toMatchObject({ error: { code: 'model_not_found', retryable: false } });
    expect(bench.asked(CHAT)).toHaveLength(1);
  });

  test('asks again when the queue was full, as late as it was told to, and is served', async () => {
    await start({ file: { queue: { max_waiting: 1 } } });
    const release = await bench.occupy();
    const waiting = generateText({ model: models(MODEL), prompt });
    await bench.broker.waiting(1);
    const error: unknown = await generateText({ model: models(MODEL), prompt, maxRetries: 0 }).catch((thrown: unknown) => thrown);
    expect(APICallError.isInstance(error) && { status: error.statusCode, again: error.isRetryable }).toEqual({ status: 429, again: true });
    const before = performance.now();
    const patient = generateText({ model: models(MODEL), prompt });
    await until(() => bench.asked(CHAT).length === 2);
    await release();
    expect((await Promise.all([waiting, patient])).map(({ text }) => ANSWER.test(text))).toEqual([true, true]);
    // Left to itself it waits for two seconds.
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('reads which consumer is down', async () => {
    await start();
    await bench.servers.llama.stop();
    await until(() => bench.broker.daemon.registry.current('llama')?.health.state === 'unhealthy');
    const error: unknown = await generateText({ model: models(LLAMA_MODEL), prompt, maxRetries: 0 }).catch((thrown: unknown) => thrown);
    const call = RetryError.isInstance(error) ? error.lastError : error;
    if (!APICallError.isInstance(call)) throw new Error(`expected an error of the API, got ${error}`);
    expect(call).toMatchObject({ statusCode: 503, isRetryable: true, message: expect.stringContaining('llama') });
    expect(JSON.parse(call.responseBody ?? '')).toMatchObject({ error: { code: 'consumer_unreachable', consumer: 'llama' } });
  });

  test('leaves while it waits, and nothing of it is left', async () => {
    await start();
    const release = await bench.occupy();
    const leaving = new AbortController();
    const asked = generateText({ model: models(MODEL), prompt, abortSignal: leaving.signal });
    await bench.broker.waiting(1);
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    await bench.broker.waiting(0);
    await release();
    expect(bench.work).toEqual([]);
  });
});

const reason = whyNoModel();
if (reason !== null) process.stderr.write(`the tests with a real model are skipped: ${reason}\n`);

(reason === null ? describe : describe.skip)('the AI SDK and a real model', () => {
  const story = { prompt: 'Once upon a time', maxOutputTokens: 30, temperature: 0 };
  let llama: RealLlama;
  let broker: Broker;
  beforeAll(async () => {
    llama = await startRealLlama();
    broker = await realModelBroker(llama);
  });
  afterAll(async () => {
    await broker.stop();
    await llama.stop();
  });

  test('get the same text whole and as a stream of tokens, one after the other', async () => {
    const model = modelsAt(broker.url)('stories260K');
    const [{ text }, pieces] = await Promise.all([generateText({ model, ...story }), textOf(streamText({ model, ...story }).textStream)]);
    expect(text).toMatch(/^, there was a little/);
    expect(pieces.join('')).toBe(text);
    expect(pieces.length).toBeGreaterThan(20);
    expect(await llama.stats()).toMatchObject({ peak: 1, tokens: 60 });
  });
});
