import { afterEach, describe, expect, test } from '@jest/globals';
import { createMvoice } from '../../lib/demo/servers/mvoice.ts';
import { startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import type { FakeExchange, Script } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import type { Answer, OpenRequest } from '../support/http.ts';
import { openaiError } from '../support/openai-error.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const MODELS = { 'tts-1': { consumer: 'server' }, voiced: { consumer: 'server', voices: ['anna', 'bernd'] } };
const SPEECH = { model: 'tts-1', input: 'Four servers share one card.', voice: 'alloy', response_format: 'wav' };

/** What a test has begun. */
let ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  ends = [];
});

function speak(broker: Broker, more: object = {}): OpenRequest {
  return openRequest({ url: `${broker.url}/v1/audio/speech`, method: 'POST', body: { ...SPEECH, ...more } });
}

async function said(broker: Broker, more: object = {}): Promise<Answer> {
  return speak(broker, more).ended;
}

describe('mVoice as a speech server of OpenAI', () => {
  let demo: RunningDemo;
  let bench: PresetBench;
  /** Audio that was fetched. */
  let fetched: string[];

  async function start(): Promise<void> {
    const card = sharedCard(16_376);
    demo = await startDemo(createMvoice, card);
    ends.push(async () => demo.stop());
    fetched = [];
    demo.server.on('request', ({ url = '' }) => (url.startsWith('/audio/') ? fetched.push(url) : undefined));
    bench = await PresetBench.start({ preset: 'mvoice', kind: 'tts', url: demo.url, card, settings: { vram_resident_mib: 2800 }, file: { models: MODELS } });
    ends.push(async () => {
      demo.time.go();
      await bench.stop();
    });
  }

  /** Resolves when it is at work. */
  const rendering = () => until(() => bench.work.includes('mvoice synthesize'));

  test('answers with the sound itself, byte for byte', async () => {
    await start();
    const answer = await said(bench.broker);
    expect(answer).toMatchObject({ status: 200, complete: true });
    expect(answer.bytes.equals((await demo.get(fetched[0] ?? '')).bytes)).toBe(true);
    expect(answer.headers).toMatchObject({ 'content-type': 'audio/wav', 'content-length': String(answer.bytes.length), 'x-consumer': 'server' });
    expect(answer.headers['x-request-id']).toBeDefined();
    expect(answer.headers['server-timing']).toMatch(/^queue;dur=[\d.]+, upstream;dur=[\d.]+$/);
    expect(answer.bytes.toString('latin1', 0, 4)).toBe('RIFF');
  });

  test('gives WAV, and calls it so, to a client that names no format', async () => {
    await start();
    expect(await said(bench.broker, { response_format: undefined })).toMatchObject({ status: 200, headers: { 'content-type': 'audio/wav' } });
  });

  test('tells what it refuses, in the form of OpenAI, before anybody waits', async () => {
    await start();
    demo.time.hold();
    const busy = speak(bench.broker);
    await rendering();
    const answer = await said(bench.broker, { response_format: 'mp3', speed: 2, stream_format: 'sse', other: 1 });
    expect(answer.status).toBe(400);
    expect(openaiError(answer)).toMatchObject({ code: 'unsupported_parameter', type: 'invalid_request_error', retryable: false, parameters: ['response_format', 'speed', 'stream_format', 'other'] });
    demo.time.go();
    expect(await busy.ended).toMatchObject({ status: 200 });
    expect((await bench.broker.status()).scheduler.total_jobs).toBe(1);
  });

  test.each<[object, string]>([
    [{ input: '' }, 'input: expected a text'],
    [{ voice: 5 }, 'voice: expected the name of a voice, or an object with its id'],
  ])('refuses %j', async (more, message) => {
    await start();
    const answer = await said(bench.broker, more);
    expect(answer.status).toBe(400);
    expect(openaiError(answer)).toMatchObject({ code: 'bad_request', message });
  });

  test('refuses what is too large to be a text', async () => {
    await start();
    expect(openaiError(await said(bench.broker, { input: 'x'.repeat(1024 * 1024) }))).toMatchObject({ code: 'bad_request', message: 'expected a body of at most 1 MiB' });
  });

  test('makes one sound after the other', async () => {
    await start();
    demo.time.hold();
    const both = [speak(bench.broker), speak(bench.broker, { input: 'Another sentence.' })];
    await bench.broker.waiting(1);
    await rendering();
    expect(bench.atWork).toBe(1);
    demo.time.go();
    const answers = await Promise.all(both.map(({ ended }) => ended));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.bytes.length).not.toBe(answers[1]?.bytes.length);
    expect(bench.overlaps).toEqual([]);
  });

  test('is awaited when its client leaves, and nobody fetches the sound', async () => {
    await start();
    demo.time.hold();
    const open = speak(bench.broker);
    await rendering();
    open.abort();
    await until(() => bench.broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client left'));
    await bench.broker.running(1);
    demo.time.go();
    await bench.broker.running(0);
    expect(fetched).toEqual([]);
  });

  test('is not asked for a client that has left while it waited', async () => {
    await start();
    demo.time.hold();
    const first = speak(bench.broker);
    await rendering();
    const second = speak(bench.broker);
    await bench.broker.waiting(1);
    second.abort();
    await bench.broker.waiting(0);
    demo.time.go();
    expect((await first.ended).status).toBe(200);
    expect(bench.work.filter((work) => work === 'mvoice synthesize')).toHaveLength(1);
  });
});

describe('a server that speaks as mVoice does', () => {
  let fake: FakeConsumer;
  let broker: Broker;

  /** `answer`: to the request for speech; `audio`: to that for the sound. */
  async function start(answer: Script, audio: Script = (exchange) => exchange.send(200, 'RIFF', { 'Content-Type': 'audio/wav' }), settings: Settings = {}): Promise<void> {
    fake = await FakeConsumer.start();
    fake.on('POST /speak', async (exchange) => {
      await exchange.readBody();
      await answer(exchange);
    });
    fake.on('GET /audio/*', audio);
    const server = { fake, settings: { path_style: 'mvoice', paths: { tts: { path: '/speak' } }, gpu_paths: ['POST /speak'], client_gone: 'finish', ...settings } };
    broker = await startBroker({ consumers: { server }, settings: { models: MODELS } });
    ends.push(() => broker.stop());
  }

  const pointTo = (url: unknown) => (exchange: FakeExchange) => exchange.json(200, { audio_url: url });
  const audioRequests = () => fake.requests.filter(({ path }) => path.startsWith('/audio/'));

  test('is asked at its own path for the text, and for a voice that it is configured to have', async () => {
    await start(pointTo('/audio/1.wav'));
    expect(await said(broker, { model: 'voiced', voice: { id: 'anna' } })).toMatchObject({ status: 200, body: 'RIFF' });
    const [job] = fake.jobs;
    expect(job).toMatchObject({ method: 'POST', path: '/speak', headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(String(job?.body))).toEqual({ text: SPEECH.input, voice: 'anna' });
    expect(openaiError(await said(broker, { model: 'voiced' }))).toMatchObject({ parameters: ['voice'], message: expect.stringContaining('only anna, bernd') });
  });

  test('is not told a voice that only OpenAI has', async () => {
    await start(pointTo('/audio/1.wav'));
    await said(broker, { voice: 'nova' });
    expect(JSON.parse(String(fake.jobs[0]?.body))).toEqual({ text: SPEECH.input });
    expect(openaiError(await said(broker, { voice: 'mine' }))).toMatchObject({ parameters: ['voice'] });
  });

  test('may name its sound by its own whole address', async () => {
    await start((exchange) => exchange.json(200, { audio_url: `${fake.url}/audio/x.wav?a=1` }));
    expect(await said(broker)).toMatchObject({ status: 200, body: 'RIFF' });
    expect(audioRequests()).toMatchObject([{ path: '/audio/x.wav?a=1' }]);
  });

  test.each<[string, Script]>([
    ['an address elsewhere', pointTo('http://127.0.0.1:9/audio/1.wav')],
    ['no address', (exchange) => exchange.json(200, { url: '/audio/1.wav' })],
    ['no JSON', (exchange) => exchange.send(200, '/audio/1.wav')],
    ['a redirect', (exchange) => exchange.send(302, '', { Location: '/audio/1.wav' })],
  ])('that answers with %s is not understood', async (_, answer) => {
    await start(answer);
    const error = await said(broker);
    expect(error.status).toBe(502);
    expect(openaiError(error)).toMatchObject({ code: 'consumer_unreachable', consumer: 'server' });
    expect(audioRequests()).toEqual([]);
  });

  test.each<[number, unknown, object]>([
    [422, { detail: [{ msg: 'Field required' }] }, { message: 'server answered 422: Field required', retryable: false }],
    [429, 'slow down', { message: 'server answered 429: slow down', retryable: true }],
    [503, { detail: 'models are not loaded' }, { message: 'server answered 503: models are not loaded', retryable: true }],
  ])('that answers %i has its status and words told', async (status, body, told) => {
    await start((exchange) => exchange.json(status, body));
    const answer = await said(broker);
    expect(answer.status).toBe(status);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', consumer: 'server', ...told });
  });

  test('that breaks off in the middle of its answer is told as that', async () => {
    await start(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"audio');
      exchange.rst();
    });
    const answer = await said(broker);
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_unreachable', retryable: true });
    await broker.running(0);
  });

  test('that has no such sound is told as that', async () => {
    await start(pointTo('/audio/1.wav'), (exchange) => exchange.send(404, 'no'));
    const answer = await said(broker);
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: 'server answered 404 to GET /audio/1.wav' });
  });

  test('that gives no sound in time is told as that', async () => {
    await start(pointTo('/audio/1.wav'), (exchange) => exchange.never(), { timeouts: { first_byte: '100ms' } });
    const answer = await said(broker);
    expect(answer.status).toBe(504);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_timeout' });
  });

  test('that dies in the middle of the sound leaves no answer that looks whole', async () => {
    await start(pointTo('/audio/1.wav'), async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\ncontent-length: 100\r\n\r\nRIFF');
      exchange.rst();
    });
    expect(await said(broker)).toMatchObject({ status: 200, body: 'RIFF', complete: false });
    expect(broker.logger.lines.find(({ message }) => message === 'exchange')?.fields).toMatchObject({ cut: 'consumer broke off' });
  });

  test('has the card for as long as it renders, not while the client listens', async () => {
    const held = Promise.withResolvers<void>();
    await start(pointTo('/audio/1.wav'), async (exchange) => {
      await exchange.beginChunks(200, { 'Content-Type': 'audio/mpeg' });
      await exchange.chunk('be');
      await held.promise;
      await exchange.chunk('gun');
      await exchange.endChunks();
    });
    const open = speak(broker);
    expect((await open.response).headers['content-type']).toBe('audio/mpeg');
    await broker.running(0);
    held.resolve();
    expect(await open.ended).toMatchObject({ body: 'begun', complete: true });
  });

  test('is left alone by a client that leaves in the middle of the sound', async () => {
    await start(pointTo('/audio/1.wav'), async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('begun');
      await exchange.never();
    });
    const open = speak(broker);
    await open.response;
    open.abort();
    await until(() => audioRequests().every(({ aborted }) => aborted));
    await broker.running(0);
  });
});
