import { afterEach, describe, expect, test } from '@jest/globals';
import { toneWav } from '../../lib/demo/servers/wav.ts';
import { createWhisper } from '../../lib/demo/servers/whisper.ts';
import { startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import type { Script } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import type { Answer, OpenRequest } from '../support/http.ts';
import { openaiError } from '../support/openai-error.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const MODELS = {
  'whisper-1': { consumer: 'server' },
  changed: { consumer: 'server', strip_params: ['chunking_strategy'], set_params: { temperature: 0.5, response_format: 'text' } },
};
const BOUNDARY = 'e7f0a1';
/** More than what stays in memory. */
const RECORDING = toneWav(3);

type Fields = readonly (readonly [name: string, value: string])[];

/** What a test has begun. */
let ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  ends = [];
});

function field(name: string, value: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

/** As OpenAI's clients write it: fields, file, fields. */
function form(before: Fields, after: Fields = [], file: Buffer | null = RECORDING): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n`;
  const filePart = file === null ? [] : [Buffer.from(head), file, Buffer.from('\r\n')];
  const fields = (list: Fields) => Buffer.from(list.map(([name, value]) => field(name, value)).join(''));
  return Buffer.concat([fields(before), ...filePart, fields(after), Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

const WHISPER: Fields = [['model', 'whisper-1']];

function send(broker: Broker, body: Buffer, operation = 'transcriptions'): OpenRequest {
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  return openRequest({ url: `${broker.url}/v1/audio/${operation}`, method: 'POST', headers, body });
}

describe('whisper-server as a transcription server of OpenAI', () => {
  let demo: RunningDemo;
  let bench: PresetBench;

  async function start(): Promise<void> {
    const card = sharedCard(16_376);
    demo = await startDemo(createWhisper, card);
    ends.push(async () => demo.stop());
    bench = await PresetBench.start({ preset: 'whisper.cpp', kind: 'stt', url: demo.url, card, settings: { vram_resident_mib: 1500 }, file: { models: MODELS } });
    ends.push(async () => {
      demo.time.go();
      await bench.stop();
    });
  }

  /** What it says itself. */
  async function directly(...fields: Fields): Promise<Answer> {
    return demo.post('/inference', form(fields), { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` });
  }

  test('answers with the text alone', async () => {
    await start();
    const answer = await send(bench.broker, form(WHISPER)).ended;
    const { text }: { text: string } = JSON.parse((await directly()).body);
    expect(answer).toMatchObject({ status: 200, body: JSON.stringify({ text: text.trim() }), headers: { 'content-type': 'application/json', 'x-consumer': 'server' } });
    expect(answer.headers['server-timing']).toMatch(/^queue;dur=[\d.]+, upstream;dur=[\d.]+$/);
  });

  test.each(['text', 'srt', 'vtt'])('answers with its own %s, and with the type that OpenAI gives it', async (format) => {
    await start();
    const answer = await send(bench.broker, form(WHISPER, [['response_format', format]])).ended;
    expect(answer).toMatchObject({ status: 200, body: (await directly(['response_format', format])).body });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  test('answers with segments, and with words where they are asked for', async () => {
    await start();
    const verbose: Fields = [...WHISPER, ['response_format', 'verbose_json']];
    const answer: Record<string, unknown> = JSON.parse((await send(bench.broker, form(verbose)).ended).body);
    expect(answer).toMatchObject({ task: 'transcribe', language: 'english', duration: 3, segments: [{ id: 0, seek: 0, start: 0, end: 3, compression_ratio: null }] });
    expect(Object.keys(answer)).toEqual(['task', 'language', 'duration', 'text', 'segments']);
    const withWords = await send(bench.broker, form([...verbose, ['timestamp_granularities[]', 'word'], ['timestamp_granularities[]', 'segment']])).ended;
    const { words, text }: { words: { word: string }[]; text: string } = JSON.parse(withWords.body);
    expect(words.map(({ word }) => word).join(' ')).toBe(text);
  });

  test.each<[string, string]>([['stream', 'true'], ['response_format', 'diarized_json'], ['timestamp_granularities[]', 'word'], ['include[]', 'logprobs'], ['chunking_strategy', 'auto']])(
    'refuses %s=%s',
    async (name, value) => {
      await start();
      const answer = await send(bench.broker, form(WHISPER, [[name, value]])).ended;
      expect(answer.status).toBe(400);
      expect(openaiError(answer)).toMatchObject({ code: 'unsupported_parameter', parameters: [name] });
      expect(bench.work.filter((work) => work.endsWith('transcribe'))).toEqual([]);
    },
  );

  test('refuses a form without a file', async () => {
    await start();
    expect(openaiError(await send(bench.broker, form(WHISPER, [], null)).ended)).toMatchObject({ code: 'bad_request', message: 'file: expected a file to listen to' });
  });

  test('refuses what is no form', async () => {
    await start();
    const answer = await openRequest({ url: `${bench.broker.url}/v1/audio/transcriptions`, method: 'POST', body: { model: 'whisper-1' } }).ended;
    expect(openaiError(answer)).toMatchObject({ code: 'bad_request', message: 'expected a form (multipart/form-data) with a file' });
  });

  test('has its own refusal explained, which says nothing', async () => {
    await start();
    const answer = await send(bench.broker, form(WHISPER, [], Buffer.from('no audio'))).ended;
    expect(answer.status).toBe(400);
    const message = 'server answered 400: Invalid request (usually: the file is empty, or not audio that it can decode)';
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message, consumer: 'server', retryable: false });
  });

  test('listens to one recording after the other', async () => {
    await start();
    demo.time.hold();
    const both = [send(bench.broker, form(WHISPER)), send(bench.broker, form(WHISPER))];
    await bench.broker.waiting(1);
    demo.time.go();
    const answers = await Promise.all(both.map(({ ended }) => ended));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(bench.overlaps).toEqual([]);
  });

  test('is awaited when its client leaves, and its recording is forgotten', async () => {
    await start();
    demo.time.hold();
    const open = send(bench.broker, form(WHISPER));
    await bench.broker.running(1);
    await until(() => demo.time.pending > 0);
    open.abort();
    await until(() => bench.broker.daemon.spooledBytes === 0);
    expect(bench.broker.daemon.gate.statistics.running).toBe(1);
    demo.time.go();
    await bench.broker.running(0);
  });
});

describe('a server that speaks as whisper-server does', () => {
  let fake: FakeConsumer;
  let broker: Broker;

  async function start(answer: Script = (exchange) => exchange.json(200, { text: ' Good day.\n' }), timeouts: Settings = {}): Promise<void> {
    fake = await FakeConsumer.start();
    fake.on('POST /inference', async (exchange) => {
      await exchange.readBody();
      await answer(exchange);
    });
    const settings = { path_style: 'whisper.cpp', paths: {}, gpu_paths: ['POST /inference'], timeouts };
    broker = await startBroker({ consumers: { server: { fake, settings } }, settings: { models: MODELS } });
    ends.push(() => broker.stop());
  }

  const sent = () => fake.jobs[0];

  test('gets the form as it came, less what it does not know', async () => {
    await start();
    const fields: Fields = [['language', 'de'], ['prompt', 'Namen: Änne'], ['temperature', '0.2'], ['response_format', 'json']];
    const odd: Fields = [['stream', 'false'], ['timestamp_granularities[]', 'segment']];
    const answer = await send(broker, form([...WHISPER, ...fields], odd)).ended;
    expect(answer.body).toBe('{"text":"Good day."}');
    const wanted = form(fields);
    expect(sent()?.body?.equals(wanted)).toBe(true);
    expect(sent()).toMatchObject({ path: '/inference', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-length': String(wanted.length) } });
  });

  test('is told to translate, out of whatever language', async () => {
    await start();
    expect((await send(broker, form([...WHISPER, ['prompt', 'x']]), 'translations').ended).body).toBe('{"text":"Good day."}');
    expect(sent()?.body?.equals(form([['prompt', 'x']], [['language', 'auto'], ['translate', 'true']]))).toBe(true);
    expect(openaiError(await send(broker, form([...WHISPER, ['language', 'de']]), 'translations').ended)).toMatchObject({ parameters: ['language'] });
  });

  test('gets what its model sets, and not what it strips', async () => {
    await start((exchange) => exchange.send(200, ' Good day.\n', { 'Content-Type': 'text/html; charset=utf-8' }));
    const answer = await send(broker, form([['model', 'changed'], ['chunking_strategy', 'auto'], ['temperature', '0']])).ended;
    expect(answer).toMatchObject({ status: 200, body: ' Good day.\n', headers: { 'content-type': 'text/plain; charset=utf-8' } });
    expect(sent()?.body?.equals(form([['temperature', '0.5']], [['response_format', 'text']]))).toBe(true);
  });

  test('gets a large recording whole, which no memory has held', async () => {
    await start();
    const large = Buffer.alloc(900 * 1024, 'RIFF-data\r\n--');
    expect((await send(broker, form([], WHISPER, large)).ended).status).toBe(200);
    expect(sent()?.body?.equals(form([], [], large))).toBe(true);
    await until(() => broker.daemon.spooledBytes === 0);
  });

  test.each<[string, Script]>([
    ['no JSON', (exchange) => exchange.send(200, '<html>')],
    ['no text', (exchange) => exchange.json(200, { words: [] })],
    ['a redirect', (exchange) => exchange.send(307, '', { Location: '/' })],
  ])('that answers with %s is not understood', async (_, answer) => {
    await start(answer);
    const error = await send(broker, form(WHISPER)).ended;
    expect(error.status).toBe(502);
    expect(openaiError(error)).toMatchObject({ code: 'consumer_unreachable' });
  });

  test('that fails has its own words told', async () => {
    await start((exchange) => exchange.json(500, { error: 'failed to process audio' }));
    const answer = await send(broker, form(WHISPER)).ended;
    expect(answer.status).toBe(500);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: 'server answered 500: failed to process audio', retryable: true });
  });

  test.each<[string, Script]>([
    ['dies in the middle of its answer', async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"te');
      exchange.rst();
    }],
    ['dies before its answer', (exchange) => exchange.rst()],
    ['dies in the middle of its refusal', async (exchange) => {
      await exchange.write('HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\n{"er');
      exchange.rst();
    }],
  ])('that %s is told as that', async (_, answer) => {
    await start(answer);
    const error = await send(broker, form(WHISPER)).ended;
    expect(error).toMatchObject({ status: 502, complete: true });
    expect(openaiError(error)).toMatchObject({ code: 'consumer_unreachable', retryable: true });
    await broker.running(0);
  });

  test('that falls silent in the middle of its answer is told as that', async () => {
    await start(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"te');
      await exchange.never();
    }, { idle: '100ms' });
    const answer = await send(broker, form(WHISPER, [], toneWav(0.1))).ended;
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_unreachable' });
    await broker.running(0);
  });

  test('has no client waited for that does not take the text', async () => {
    await start((exchange) => exchange.send(200, Buffer.alloc(32 * 1024 * 1024, 'text ')), { client_idle: '200ms' });
    const open = send(broker, form([['model', 'whisper-1'], ['response_format', 'text']], [], toneWav(0.1)));
    (await open.response).pause();
    await broker.running(0);
    await until(() => broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client idle'));
    open.abort();
  });
});
