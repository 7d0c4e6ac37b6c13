import { afterEach, describe, expect, test } from '@jest/globals';
import { createComfyui } from '../../lib/demo/servers/comfyui.ts';
import type { Quirks } from '../../lib/demo/servers/http.ts';
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

const MODELS = { 'sd-xl': { consumer: 'server' } };
const IMAGES = {
  workflow_file: 'config/workflows/text-to-image.json',
  prompt: { node: 'Positive Prompt', input: 'text' },
  width: { node: 'Empty Latent Image', input: 'width' },
  height: { node: 'Empty Latent Image', input: 'height' },
  seed: { node: 'KSampler', input: 'seed' },
  count: { node: 'Empty Latent Image', input: 'batch_size' },
};

interface Images {
  readonly created: number;
  readonly data: readonly { readonly b64_json: string }[];
  readonly output_format?: string;
  readonly size?: string;
}

/** What a test has begun. */
let ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  ends = [];
});

function draw(broker: Broker, more: object = {}): OpenRequest {
  return openRequest({ url: `${broker.url}/v1/images/generations`, method: 'POST', body: { model: 'sd-xl', prompt: 'a cat', ...more } });
}

async function drawn(broker: Broker, more: object = {}): Promise<Answer> {
  return draw(broker, more).ended;
}

function imagesIn({ body }: Answer): Images {
  const images: Images = JSON.parse(body);
  return images;
}

describe('ComfyUI as an image server of OpenAI', () => {
  let demo: RunningDemo;
  let bench: PresetBench;
  /** Requests other than questions, oldest first. */
  let calls: string[];

  async function start(images: Settings | null = IMAGES, quirks: Quirks = {}): Promise<void> {
    const card = sharedCard(16_376);
    demo = await startDemo((options) => createComfyui({ ...options, quirks }), card);
    ends.push(async () => demo.stop());
    calls = [];
    demo.server.on('request', ({ method, url = '' }) => (method === 'POST' || url.startsWith('/view') ? calls.push(url) : undefined));
    const settings = { vram_resident_mib: 13_000, ...(images === null ? {} : { images }) };
    bench = await PresetBench.start({ preset: 'comfyui', kind: 'image', url: demo.url, card, settings, file: { models: MODELS } });
    ends.push(async () => {
      demo.time.go();
      await bench.stop();
    });
  }

  const drawing = () => until(() => bench.work.some((work) => work.startsWith('comfyui')) && demo.time.pending > 0);
  const cancelled = () => calls.filter((url) => url === '/queue' || url === '/interrupt');

  test('answers with the image itself, byte for byte', async () => {
    await start();
    const answer = await drawn(bench.broker);
    expect(answer).toMatchObject({ status: 200, complete: true, headers: { 'content-type': 'application/json', 'x-consumer': 'server' } });
    expect(answer.headers['server-timing']).toMatch(/queue;dur=[\d.]+,.* upstream;dur=[\d.]+$/);
    const { created, data, ...rest } = imagesIn(answer);
    expect(Math.abs(created - Date.now() / 1000)).toBeLessThan(60);
    expect(rest).toEqual({ output_format: 'png', size: '1024x1024' });
    const path = calls.find((url) => url.startsWith('/view')) ?? '';
    expect(data.map(({ b64_json: text }) => text)).toEqual([(await demo.get(path)).bytes.toString('base64')]);
  });

  test('makes as many as are wanted, in their size', async () => {
    await start();
    const { data, size } = imagesIn(await drawn(bench.broker, { n: 3, size: '64x128', seed: 7 }));
    expect(size).toBe('64x128');
    expect(new Set(data.map(({ b64_json: text }) => text)).size).toBe(3);
    for (const { b64_json: text } of data) {
      const png = Buffer.from(text, 'base64');
      expect([png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(['PNG', 64, 128]);
    }
  });

  test('draws anew each time, and the same again for the same seed', async () => {
    await start();
    const images = [];
    for (const more of [{}, {}, { seed: 7 }, { seed: 8 }, { seed: 7 }]) images.push(imagesIn(await drawn(bench.broker, { size: '64x64', ...more })).data[0]?.b64_json);
    expect(images[0]).not.toBe(images[1]);
    expect(images[2]).not.toBe(images[3]);
    expect(images[2]).toBe(images[4]);
  });

  test('refuses all that has no place, in the form of OpenAI', async () => {
    await start({ ...IMAGES, count: undefined, seed: undefined });
    const answer = await drawn(bench.broker, { n: 2, seed: 1, response_format: 'url', quality: 'hd' });
    expect(answer.status).toBe(400);
    expect(openaiError(answer)).toMatchObject({ code: 'unsupported_parameter', parameters: ['n', 'seed', 'response_format', 'quality'] });
    expect(openaiError(await drawn(bench.broker, { size: '100x100' }))).toMatchObject({ code: 'bad_request', message: expect.stringContaining('size: expected') });
    expect(calls).toEqual([]);
  });

  test('has nothing to draw with without a workflow, and that is told', async () => {
    await start(null);
    const answer = await drawn(bench.broker);
    expect(answer.status).toBe(501);
    expect(openaiError(answer)).toMatchObject({ code: 'no_consumer', message: expect.stringContaining('set consumers.server.images') });
  });

  test('has its refusal of a workflow told with its own words', async () => {
    const workflow = { 4: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'none' } }, 9: { class_type: 'SaveImage', inputs: { images: ['4', 0] } } };
    await start({ workflow, prompt: { node: '4', input: 'ckpt_name' } });
    const answer = await drawn(bench.broker);
    expect(answer.status).toBe(400);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: expect.stringMatching(/^server answered 400: Prompt outputs failed validation; node 4: Value not in list/) });
    await bench.broker.running(0);
  });

  test('that was interrupted by somebody else is told as that', async () => {
    await start();
    demo.time.hold();
    const open = draw(bench.broker);
    await drawing();
    await demo.post('/interrupt');
    demo.time.go();
    const answer = await open.ended;
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: 'server: the workflow was interrupted' });
  });

  test('draws for one client after the other', async () => {
    await start();
    demo.time.hold();
    const both = [draw(bench.broker), draw(bench.broker)];
    await bench.broker.waiting(1);
    await drawing();
    expect(calls.filter((url) => url === '/prompt')).toHaveLength(1);
    demo.time.go();
    expect((await Promise.all(both.map(({ ended }) => ended))).map(({ status }) => status)).toEqual([200, 200]);
    // The second was not begun before the images of the first had been read.
    expect(calls.map((url) => url.split('?', 1)[0])).toEqual(['/prompt', '/view', '/prompt', '/view']);
  });

  test('is stopped when its client leaves, and the card is free when it has stopped', async () => {
    await start();
    demo.time.hold();
    const open = draw(bench.broker);
    await drawing();
    open.abort();
    await until(() => cancelled().includes('/interrupt'));
    expect(bench.broker.daemon.gate.statistics.running).toBe(1);
    demo.time.go();
    await bench.broker.running(0);
    expect(calls.some((url) => url.startsWith('/view'))).toBe(false);
    expect(bench.atWork).toBe(0);
  });

  test('is not asked for a client that has left while it waited', async () => {
    await start();
    demo.time.hold();
    const first = draw(bench.broker);
    await drawing();
    const second = draw(bench.broker);
    await bench.broker.waiting(1);
    second.abort();
    await bench.broker.waiting(0);
    demo.time.go();
    expect((await first.ended).status).toBe(200);
    expect(calls.filter((url) => url === '/prompt')).toHaveLength(1);
    expect(cancelled()).toEqual([]);
  });
});

describe('a server that speaks as ComfyUI does', () => {
  let fake: FakeConsumer;
  let broker: Broker;
  let history: Record<string, unknown>;
  let remaining: number;

  const WORKFLOW = { 6: { class_type: 'CLIPTextEncode', inputs: { text: '' } }, 9: { class_type: 'SaveImage', inputs: {} } };
  const PNG = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));

  function ended(...filenames: string[]): void {
    const images = filenames.map((filename) => ({ filename, subfolder: 'a/b', type: 'output' }));
    history['x 1'] = { status: { status_str: 'success' }, outputs: { 9: { images } } };
    remaining = 0;
  }

  async function start({ settings = {}, images = {} }: { settings?: Settings; images?: Settings } = {}): Promise<void> {
    history = {};
    remaining = 1;
    fake = await FakeConsumer.start();
    fake.on('POST /prompt', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, { prompt_id: 'x 1' });
    });
    fake.on('GET /prompt', (exchange) => exchange.json(200, { exec_info: { queue_remaining: remaining } }));
    fake.on('GET /history/*', (exchange) => exchange.json(200, history));
    fake.on('POST /cancel', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
    }, { gpu: false });
    view((exchange) => exchange.send(200, PNG, { 'Content-Type': 'image/png' }));
    const own = {
      path_style: 'comfyui',
      paths: {},
      gpu_paths: ['POST /prompt'],
      completion: { id: '/prompt_id', path: '/history/{id}', state: '/{id}' },
      busy: { path: '/prompt', pointer: '/exec_info/queue_remaining' },
      cancel: [{ path: '/cancel', body: { delete: ['{id}'] } }],
      client_gone: 'finish',
      images: { workflow: WORKFLOW, prompt: { node: '6', input: 'text' }, count: { node: '9', input: 'n' }, ...images },
      ...settings,
    };
    broker = await startBroker({ consumers: { server: { fake, settings: own } }, settings: { models: MODELS } });
    ends.push(() => broker.stop());
  }

  function view(script: Script): void {
    fake.on('GET /view', script);
  }

  const countable = { workflow: { ...WORKFLOW, 9: { class_type: 'SaveImage', inputs: { n: 1 } } } };
  const asked = (times: number) => until(() => fake.requests.filter(({ path }) => path.startsWith('/history/')).length >= times);
  const views = () => fake.requests.filter(({ path }) => path.startsWith('/view'));
  const cancels = () => fake.requests.filter(({ path }) => path === '/cancel').length;

  test('is given the workflow with the prompt in it, and asked for its images by their names', async () => {
    await start({ images: countable });
    ended('a 1.png', 'b&2.png', 'c.png');
    const answer = await drawn(broker, { prompt: 'a "cat"\n', n: 2 });
    expect(imagesIn(answer).data.map(({ b64_json: text }) => Buffer.from(text, 'base64').equals(PNG))).toEqual([true, true]);
    expect(imagesIn(answer)).not.toHaveProperty('size');
    const { prompt, client_id: id }: { prompt: object; client_id: string } = JSON.parse(String(fake.jobs[0]?.body));
    expect(prompt).toEqual({ 6: { class_type: 'CLIPTextEncode', inputs: { text: 'a "cat"\n' } }, 9: { class_type: 'SaveImage', inputs: { n: 2 } } });
    expect(id).toMatch(/^mgpumanager-[\da-f-]{36}$/);
    expect(views().map(({ path }) => path)).toEqual(['/view?filename=a%201.png&subfolder=a%2Fb&type=output', '/view?filename=b%262.png&subfolder=a%2Fb&type=output']);
  });

  test('has the card until its images have been read', async () => {
    await start({ images: countable });
    const held = Promise.withResolvers<void>();
    view(async (exchange) => {
      await exchange.beginChunks(200, { 'Content-Type': 'image/webp' });
      await exchange.chunk(PNG);
      await held.promise;
      await exchange.endChunks();
    });
    ended('a');
    const open = draw(broker);
    await open.response;
    expect(broker.daemon.gate.statistics.running).toBe(1);
    held.resolve();
    const { data, output_format: format } = imagesIn(await open.ended);
    expect([data.length, format]).toEqual([1, 'webp']);
    await broker.running(0);
  });

  test('is asked again while it works', async () => {
    await start({ images: countable });
    const open = draw(broker);
    await asked(4);
    await broker.running(1);
    ended('a');
    expect((await open.ended).status).toBe(200);
  });

  test.each<[string, Script]>([
    ['without an id', (exchange) => exchange.json(200, { number: 1 })],
    ['without JSON', (exchange) => exchange.send(200, 'queued')],
  ])('that takes a workflow %s is not understood', async (_, script) => {
    await start({ images: countable });
    remaining = 0;
    fake.on('POST /prompt', async (exchange) => {
      await exchange.readBody();
      await script(exchange);
    });
    const answer = await drawn(broker);
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_unreachable' });
  });

  test('that runs out of memory is told as that', async () => {
    await start({ images: countable });
    const error = { node_type: 'KSampler', exception_message: 'CUDA out of memory' };
    history['x 1'] = { status: { status_str: 'error', messages: [['execution_error', error]] }, outputs: {} };
    const answer = await drawn(broker);
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: 'server: KSampler failed: CUDA out of memory', retryable: true });
  });

  test('that loses the job is told as that', async () => {
    await start({ images: countable });
    const open = draw(broker);
    await asked(1);
    remaining = 0;
    expect(openaiError(await open.ended)).toMatchObject({ code: 'consumer_error', message: 'server: the job is lost: it is neither queued nor done' });
  });

  test('that has made no image is told as that', async () => {
    await start({ images: countable });
    ended();
    const answer = await drawn(broker);
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: expect.stringContaining('has made no image') });
  });

  test('that is gone while it works is told as that', async () => {
    await start({ images: countable });
    const open = draw(broker);
    await asked(1);
    fake.refuse();
    const answer = await open.ended;
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_unreachable', message: expect.stringContaining('while it made the images') });
    await broker.running(0);
  });

  test('that takes too long has its job cancelled, and the client is told', async () => {
    await start({ images: countable, settings: { completion: { id: '/prompt_id', path: '/history/{id}', state: '/{id}', max: '500ms' } } });
    const answer = await drawn(broker);
    expect(answer.status).toBe(504);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_timeout', message: 'server has not made the images within 0.5 s (completion.max)' });
    await until(() => cancels() > 0);
    // At once, and not only when it has been awaited once more.
    expect(broker.logger.lines.some(({ message }) => message.startsWith('a job did not end in time'))).toBe(false);
    ended();
    await broker.running(0);
  });

  test('that cannot show an image is told as that', async () => {
    await start({ images: countable });
    view((exchange) => exchange.send(404, ''));
    ended('a');
    const answer = await drawn(broker);
    expect(answer.status).toBe(502);
    expect(openaiError(answer)).toMatchObject({ code: 'consumer_error', message: 'server answered 404 to GET /view' });
    await broker.running(0);
  });

  test('that dies in the middle of an image leaves no answer that looks whole', async () => {
    await start({ images: countable });
    view(async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nPNG');
      exchange.rst();
    });
    ended('a');
    expect(await drawn(broker)).toMatchObject({ status: 200, complete: false });
    await broker.running(0);
  });

  test('is told to stop as soon as its client leaves', async () => {
    await start({ images: countable });
    const open = draw(broker);
    await asked(2);
    open.abort();
    await until(() => cancels() === 1);
    expect(broker.daemon.gate.statistics.running).toBe(1);
    ended();
    await broker.running(0);
    expect(views()).toEqual([]);
  });

  test('is told to stop though it does not answer just then', async () => {
    await start({ images: countable });
    const open = draw(broker);
    await asked(2);
    const held = Promise.withResolvers<void>();
    fake.on('GET /history/*', async (exchange) => {
      await held.promise;
      await exchange.json(200, history);
    });
    const before = fake.requests.length;
    await until(() => fake.requests.length > before);
    open.abort();
    await until(() => cancels() === 1);
    ended();
    held.resolve();
    await broker.running(0);
  });

  test('is left alone by a client that leaves in the middle of an image', async () => {
    await start({ images: countable });
    view(async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk(PNG);
      await exchange.never();
    });
    ended('a');
    const open = draw(broker);
    await open.response;
    open.abort();
    await until(() => views().every(({ aborted }) => aborted === true));
    await broker.running(0);
  });

  test('has its images read as fast as the client takes them', async () => {
    await start({ images: countable });
    let written = 0;
    view(async (exchange) => {
      await exchange.beginChunks(200, { 'Content-Type': 'image/png' });
      for (; written < 400 && !exchange.ended; written += 1) await exchange.chunk(Buffer.alloc(64 * 1024, written));
      await exchange.endChunks();
    });
    ended('a');
    const open = draw(broker);
    const response = await open.response;
    response.pause();
    let [last, still] = [-1, 0];
    await until(() => {
      still = written === last && written > 0 ? still + 1 : 0;
      last = written;
      return still > 40 || written === 400;
    });
    expect(written).toBeLessThan(400);
    response.resume();
    const [image] = imagesIn(await open.ended).data;
    expect(Buffer.from(image?.b64_json ?? '', 'base64')).toHaveLength(400 * 64 * 1024);
  });
});
