import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Broker } from '../support/broker.ts';
import { ClientBench, LLAMA_MODEL, MODEL, realModelBroker } from '../support/client-bench.ts';
import type { BenchOptions } from '../support/client-bench.ts';
import { startRealLlama, whyNoModel } from '../support/real-llama.ts';
import type { RealLlama } from '../support/real-llama.ts';
import { until } from '../support/until.ts';

const content = 'Why is the sky blue?';
const messages = [{ role: 'user' as const, content }];
const chat = { model: MODEL, messages };
const CHAT = '/v1/chat/completions';
const ANSWER = /^You asked: "Why is the sky blue\?"/;

/** What transcribes or translates. */
interface Listener {
  create(asked: { readonly model: string; readonly file: ReadStream }): PromiseLike<unknown>;
}

let bench: ClientBench;
let client: OpenAI;

async function start(options: BenchOptions = {}): Promise<void> {
  bench = await ClientBench.start(options);
  client = new OpenAI({ baseURL: `${bench.url}/v1`, apiKey: 'none' });
}

/** The headers with which a path was asked at a simulated server, oldest first. */
function headersAt(server: keyof ClientBench['servers'], path: string): NodeJS.Dict<string | string[]>[] {
  const seen: NodeJS.Dict<string | string[]>[] = [];
  bench.servers[server].server.on('request', ({ url, headers }) => {
    if (url === path) seen.push(headers);
  });
  return seen;
}

describe("OpenAI's client gets", () => {
  beforeEach(() => start());
  afterEach(() => bench.stop());

  test('a chat, whole or as a stream, from the consumer of the model', async () => {
    const whole = await client.chat.completions.create(chat);
    expect(whole).toMatchObject({ object: 'chat.completion', model: MODEL, choices: [{ finish_reason: 'stop', message: { content: expect.stringMatching(ANSWER) } }] });
    let said = '';
    for await (const { choices } of await client.chat.completions.create({ ...chat, model: 'gpt-4o-mini', stream: true })) said += choices[0]?.delta.content ?? '';
    expect(said).toBe(whole.choices[0]?.message.content);
    expect(bench.work).toEqual(['ollama generate', 'ollama generate']);
  });

  test('an answer of the Responses API, whole or as a stream', async () => {
    const whole = await client.responses.create({ model: LLAMA_MODEL, input: content });
    expect(whole).toMatchObject({ status: 'completed', output_text: expect.stringMatching(ANSWER) });
    const { output_text: streamed } = await client.responses.stream({ model: LLAMA_MODEL, input: content }).finalResponse();
    expect(streamed).toBe(whole.output_text);
    expect(bench.work).toEqual(['llama-server responses', 'llama-server responses']);
  });

  test('a completion, and the order of some texts', async () => {
    const completion = await client.completions.create({ model: LLAMA_MODEL, prompt: content });
    expect(completion.choices[0]?.text).toMatch(ANSWER);
    const ranked = await client.post<{ results: unknown[] }>('/rerank', { body: { model: 'rerank-1', query: 'sky', documents: ['the sea', 'the sky'] } });
    expect(ranked.results).toHaveLength(2);
  });

  test('embeddings, as bytes or as numbers', async () => {
    const input = ['one', 'two'];
    const asBytes = (await client.embeddings.create({ model: MODEL, input })).data;
    const asNumbers = (await client.embeddings.create({ model: MODEL, input, encoding_format: 'float' })).data;
    expect(asBytes.map(({ embedding }) => embedding)).toEqual(asNumbers.map(({ embedding }) => embedding.map((value) => Math.fround(value))));
    expect(asBytes[0]?.embedding).not.toEqual(asBytes[1]?.embedding);
  });

  test('speech as WAV, and a refusal that names what it asked for in vain', async () => {
    const asked = { model: 'tts-1', voice: 'alloy', input: 'Good morning.' };
    const speech = await client.audio.speech.create({ ...asked, response_format: 'wav' });
    const bytes = Buffer.from(await speech.arrayBuffer());
    expect([speech.headers.get('content-type'), bytes.toString('latin1', 0, 4), bytes.readUInt32LE(4) + 8]).toEqual(['audio/wav', 'RIFF', bytes.length]);
    const refused = client.audio.speech.create({ ...asked, response_format: 'mp3' });
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'response_format', message: expect.stringContaining('response_format') });
    expect(bench.work).toEqual(['mvoice synthesize']);
  });

  test('a transcript of a file that it streams up without saying its length, and a translation', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mgpu-client-'));
    const path = join(folder, 'speech.wav');
    const speech = await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Good morning.', response_format: 'wav' });
    writeFileSync(path, Buffer.from(await speech.arrayBuffer()));
    const heads: NodeJS.Dict<string>[] = [];
    const watching = new OpenAI({
      baseURL: `${bench.url}/v1`,
      apiKey: 'none',
      fetch: async (url, init) => {
        heads.push(Object.fromEntries(new Headers(init?.headers)));
        return fetch(url, init);
      },
    });
    const seen = headersAt('whisper', '/inference');
    const listeners: readonly Listener[] = [watching.audio.transcriptions, watching.audio.translations];
    for (const listener of listeners) {
      expect(await listener.create({ model: 'whisper-1', file: createReadStream(path) })).toEqual({ text: expect.stringMatching(/^The quick brown/) });
    }
    // whisper.cpp reads nothing without a length: the broker knows it, though the client did not say it.
    expect(heads.map((head) => head['content-length'])).toEqual([undefined, undefined]);
    expect(seen.map((head) => head['content-length'])).toEqual([expect.any(String), expect.any(String)]);
    rmSync(folder, { recursive: true });
  });

  test('an image of the size that it asked for', async () => {
    const { data = [] } = await client.images.generate({ model: 'text-to-image', prompt: 'a lighthouse', size: '256x512', n: 2 });
    const pngs = data.map(({ b64_json: text = '' }) => Buffer.from(text, 'base64'));
    expect(pngs.map((png) => [png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)])).toEqual([['PNG', 256, 512], ['PNG', 256, 512]]);
    expect(pngs[0]?.equals(pngs[1] ?? Buffer.alloc(0))).toBe(false);
    expect(bench.work).toEqual(['comfyui sample']);
  });

  test('the list of the models, and one of them by a name with a slash and a colon', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual([MODEL, 'tts-1', 'whisper-1', 'text-to-image', LLAMA_MODEL]);
    expect(await client.models.retrieve('ollama/llama3.2:3b')).toMatchObject({ id: 'ollama/llama3.2:3b', object: 'model', owned_by: 'ollama' });
    await expect(client.models.retrieve('nobody/1:2')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("OpenAI's client reads", () => {
  afterEach(() => bench.stop());

  test('that there is no such model, with near names, and does not ask again', async () => {
    await start();
    const asked = client.chat.completions.create({ ...chat, model: 'llama3.2:8b' });
    await expect(asked).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(asked).rejects.toMatchObject({ code: 'model_not_found', param: 'model', message: expect.stringContaining('"llama3.2:3b"'), requestID: expect.any(String) });
    expect(bench.asked(CHAT)).toHaveLength(1);
  });

  test('that the queue is full, asks again when it was told to, and is served', async () => {
    await start({ file: { queue: { max_waiting: 1 } } });
    const seen = headersAt('ollama', CHAT);
    const release = await bench.occupy();
    const waiting = client.chat.completions.create(chat);
    await bench.broker.waiting(1);
    await expect(client.chat.completions.create(chat, { maxRetries: 0 })).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    const before = performance.now();
    const refused = client.chat.completions.create(chat);
    await until(() => bench.asked(CHAT).length === 2);
    await release();
    await waiting;
    expect((await refused).choices[0]?.message.content).toMatch(ANSWER);
    // As long as `retry-after-ms` said; without it the client waits for half a second.
    expect(performance.now() - before).toBeGreaterThan(900);
    expect(bench.asked(CHAT).map((fields) => [fields?.['status'], fields?.['error']])).toEqual([[429, 'queue_full'], [429, 'queue_full'], [200, undefined], [200, undefined]]);
    expect(seen.map((headers) => headers['x-stainless-retry-count'])).toEqual(['0', '1']);
  });

  test('that it has waited for too long, and does not queue again', async () => {
    await start({ file: { queue: { max_wait: '50ms' } } });
    const release = await bench.occupy();
    const asked = client.chat.completions.create(chat);
    await expect(asked).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    await expect(asked).rejects.toMatchObject({ status: 503, code: 'queue_timeout', type: 'server_error' });
    await release();
    expect(bench.asked(CHAT)).toHaveLength(1);
  });

  test('whose server is down', async () => {
    await start();
    await bench.servers.llama.stop();
    await until(() => bench.broker.daemon.registry.current('llama')?.health.state === 'unhealthy');
    const asked = client.chat.completions.create({ ...chat, model: LLAMA_MODEL }, { maxRetries: 0 });
    await expect(asked).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    await expect(asked).rejects.toMatchObject({ status: 503, code: 'consumer_unreachable', error: { consumer: 'llama', retryable: true }, message: expect.stringContaining('llama') });
    await expect(client.audio.speech.create({ model: LLAMA_MODEL, voice: 'alloy', input: 'x' }, { maxRetries: 0 })).rejects.toMatchObject({ status: 501, code: 'no_consumer' });
  });
});

describe("OpenAI's client leaves", () => {
  beforeEach(() => start());
  afterEach(() => bench.stop());

  test('while it waits, and nothing of it is left', async () => {
    const release = await bench.occupy();
    const leaving = new AbortController();
    const asked = client.chat.completions.create(chat, { signal: leaving.signal });
    await bench.broker.waiting(1);
    leaving.abort();
    await expect(asked).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await bench.broker.waiting(0);
    await release();
    expect(bench.work).toEqual([]);
  });

  test('in the middle of a stream, and the work ends', async () => {
    await client.chat.completions.create(chat);
    const { time } = bench.servers.ollama;
    time.hold();
    const asked = client.chat.completions.create({ ...chat, stream: true });
    await until(() => bench.atWork === 1 && time.pending === 1);
    // Lets the first word through.
    time.go();
    time.hold();
    for await (const { choices } of await asked) {
      expect(choices).toHaveLength(1);
      break;
    }
    await until(() => time.aborted === 1);
    await bench.broker.running(0);
    expect(bench.atWork).toBe(0);
  });
});

const reason = whyNoModel();
if (reason !== null) process.stderr.write(`the tests with a real model are skipped: ${reason}\n`);

(reason === null ? describe : describe.skip)("OpenAI's client and a real model", () => {
  const story = { model: 'stories260K', messages: [{ role: 'user' as const, content: 'Once upon a time' }], max_completion_tokens: 30, temperature: 0 };
  let llama: RealLlama;
  let broker: Broker;
  beforeAll(async () => {
    llama = await startRealLlama();
    broker = await realModelBroker(llama);
    client = new OpenAI({ baseURL: `${broker.url}/v1`, apiKey: 'none' });
  });
  afterAll(async () => {
    await broker.stop();
    await llama.stop();
  });

  test('get the same text whole and as a stream of tokens', async () => {
    const whole = await client.chat.completions.create(story);
    const pieces: string[] = [];
    for await (const { choices } of await client.chat.completions.create({ ...story, stream: true })) pieces.push(choices[0]?.delta.content ?? '');
    expect(whole.choices[0]?.message.content).toMatch(/^, there was a little/);
    expect(pieces.join('')).toBe(whole.choices[0]?.message.content);
    expect(pieces.length).toBeGreaterThan(20);
  });

  test('work for one after the other, and stop when a client leaves', async () => {
    await llama.forget();
    const leaving = await client.chat.completions.create({ ...story, max_completion_tokens: 400, stream: true });
    const next = client.chat.completions.create(story);
    await broker.waiting(1);
    leaving.controller.abort();
    expect((await next).choices[0]?.message.content).toMatch(/^, there was a little/);
    const { peak, tokens } = await llama.stats();
    expect(peak).toBe(1);
    expect(tokens).toBeLessThan(400);
  });
});
