import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client } from '@stable-canvas/comfyui-client';
import { WebSocket } from 'ws';
import { demoRequest } from '../../lib/demo/request-set.ts';
import { createComfyui } from '../../lib/demo/servers/comfyui.ts';
import { isObject } from '../../lib/demo/servers/http.ts';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import type { Settings } from '../support/broker.ts';
import { forkDemo, sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { facadeFetch } from '../support/facade-fetch.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { OpenRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until, untilAsked } from '../support/until.ts';

/** What its context and its workspaces hold without a model, after the first use. */
const BARE_MIB = 500;
const TYPE = { 'content-type': 'application/json' };
let demo: RunningDemo;
let bench: PresetBench;
/** Calls that change something, oldest first. */
let calls: string[];
/** What stands between the broker and ComfyUI; null: nothing. */
let slow: SlowAnswers | null = null;

async function start(quirks: Quirks = {}, settings: Settings = {}, file: Settings = {}): Promise<void> {
  const card = sharedCard(16_376);
  demo = await startDemo((options) => createComfyui({ ...options, quirks: { previews: false, ...quirks } }), card);
  calls = [];
  demo.server.on('request', ({ method, url }) => {
    if (method === 'POST') calls.push(url ?? '');
  });
  await put(slow?.url ?? demo.url, { card, settings, file });
}

async function put(url: string, rest: Pick<Parameters<typeof PresetBench.start>[0], 'card' | 'settings' | 'file'>): Promise<void> {
  const settings = { vram_resident_mib: 13_000, ...rest.settings };
  bench = await PresetBench.start({ preset: 'comfyui', kind: 'image', url, ...rest, settings });
}

afterEach(async () => {
  demo.time.go();
  slow?.go();
  await bench.stop();
  slow?.server.close();
  slow = null;
  await demo.stop();
});

/** Draws through the broker; each seed is another image. */
function draw(seed: number): OpenRequest {
  return bench.ask(demoRequest('image', seed).body, TYPE);
}

async function drawBehindOurBack(seed: number): Promise<string> {
  return idIn((await demo.post('/prompt', demoRequest('image', seed).body, TYPE)).body);
}

function idIn(body: string): string {
  const { prompt_id: id }: { prompt_id: string } = JSON.parse(body);
  return id;
}

function graph(seed: number): Record<string, unknown> {
  const { prompt }: { prompt: Record<string, unknown> } = JSON.parse(demoRequest('image', seed).body.toString());
  return prompt;
}

async function remaining(): Promise<number> {
  const { exec_info: info }: { exec_info: { queue_remaining: number } } = JSON.parse((await demo.get('/prompt')).body);
  return info.queue_remaining;
}

async function outcomeOf(id: string): Promise<string | undefined> {
  const history: unknown = JSON.parse((await demo.get(`/history/${id}`)).body);
  const entry = isObject(history) ? history[id] : undefined;
  const messages = isObject(entry) && isObject(entry['status']) ? entry['status']['messages'] : [];
  return JSON.stringify(messages).match(/execution_(?:success|error|interrupted)/)?.[0];
}

function logged(message: string): boolean {
  return bench.broker.logger.lines.some((line) => line.message === message);
}

/** A TCP relay that keeps back what is answered to `POST /prompt`. */
interface SlowAnswers {
  readonly url: string;
  readonly server: Server;
  go(): void;
}

async function slowAnswers(port: () => number): Promise<SlowAnswers> {
  const held = Promise.withResolvers<void>();
  const server = createServer((client) => {
    const upstream = connect(port(), '127.0.0.1');
    client.on('error', () => upstream.destroy()).once('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.once('data', (head: Buffer) => {
      upstream.write(head);
      client.pipe(upstream);
      if (head.toString().startsWith('POST /prompt')) void held.promise.then(() => upstream.pipe(client));
      else upstream.pipe(client);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${addressOf(server).port}`, server, go: () => held.resolve() };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (typeof address === 'object' && address !== null) return address;
  throw new Error('expected a TCP address');
}

describe('residency', () => {
  test('is the memory that torch has, also when somebody else has freed it', async () => {
    await start();
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 0, healthy: true });
    expect((await draw(1).ended).status).toBe(200);
    await bench.becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: 12_100, gpu_resident_source: 'self' });
    await demo.post('/free', { unload_models: true, free_memory: true });
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 100 });
  });

  test('is known to a new broker before its first request, which unloads nothing that it need not', async () => {
    await start();
    await draw(1).ended;
    await bench.restart();
    await bench.becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: 12_100 });
    expect((await draw(2).ended).status).toBe(200);
    await bench.broker.running(0);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
    expect(bench.work.filter((job) => job === 'comfyui load')).toHaveLength(1);
  });
});

describe('the lease of a job', () => {
  test('outlives its answer, and ends when the history has it', async () => {
    await start();
    demo.time.hold();
    const id = idIn((await draw(1).ended).body);
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    await until(() => bench.atWork === 1);
    expect((await bench.broker.status()).scheduler).toMatchObject({ in_flight: 1, queue_depth: 1 });
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(await outcomeOf(id)).toBe('execution_success');
    expect(bench.overlaps).toEqual([]);
  });

  test('keeps the next job in the queue of the broker, not in that of ComfyUI', async () => {
    await start({ client_prompt_id: false });
    demo.time.hold();
    await draw(1).ended;
    const second = draw(2);
    await bench.broker.waiting(1);
    expect(await remaining()).toBe(1);
    demo.time.go();
    expect((await second.ended).status).toBe(200);
    await bench.broker.running(0);
  });

  test('ends when it has failed', async () => {
    await start();
    bench.card.setMode('echo "No devices were found"; exit 6');
    await bench.cardIsLost();
    bench.card.hold('game', 12_000, 1);
    const id = idIn((await draw(1).ended).body);
    await bench.broker.running(0);
    expect(await outcomeOf(id)).toBe('execution_error');
  });

  test('ends when somebody else has interrupted it', async () => {
    await start();
    demo.time.hold();
    const id = idIn((await draw(1).ended).body);
    await demo.post('/interrupt');
    await bench.broker.running(1);
    demo.time.go();
    await bench.broker.running(0);
    expect(await outcomeOf(id)).toBe('execution_interrupted');
  });

  test('ends when somebody else has taken it out of the queue, as soon as ComfyUI is idle', async () => {
    await start();
    await bench.becomes({ residency: 'absent' });
    demo.time.hold();
    await drawBehindOurBack(1);
    const id = idIn((await draw(2).ended).body);
    await demo.post('/queue', { delete: [id] });
    expect(await remaining()).toBe(1);
    await bench.broker.running(1);
    demo.time.go();
    await bench.broker.running(0);
    expect(logged('a job is lost: its consumer knows nothing of it')).toBe(true);
    expect(bench.overlaps).toEqual([]);
  });

  test('is short for what comes from the cache', async () => {
    await start();
    for (let count = 0; count < 2; count++) expect((await draw(1).ended).status).toBe(200);
    await bench.broker.running(0);
    expect(bench.work).toEqual(['comfyui load', 'comfyui sample']);
  });

  test('does not last for what ComfyUI has refused', async () => {
    await start();
    const answer = await bench.ask({ prompt: {} }).ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { error: { type: 'prompt_no_outputs' } }]);
    await bench.broker.running(0);
  });

  test.each([false, true])('ends when ComfyUI ends in the middle (and is started again at once: %p)', async (again) => {
    demo = await startDemo(createComfyui);
    const card = fakeCard({ totalMib: 16_376 });
    const server = await forkDemo('comfyui', card, '--speed', '0.1');
    await put(server.url, { card });
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect((await draw(1).ended).status).toBe(200);
    await until(() => bench.atWork === 1);
    expect(bench.broker.daemon.gate.statistics.running).toBe(1);
    await server.stop();
    const next = again ? await forkDemo('comfyui', card, '--port', new URL(server.url).port) : null;
    await bench.broker.running(0);
    await bench.becomes({ residency: 'absent', residency_source: 'self', healthy: again });
    expect((await draw(2).ended).status).toBe(again ? 200 : 503);
    await bench.broker.running(0);
    await next?.stop();
  });
});

describe('making room', () => {
  test('frees it after its job, and its next job loads it again', async () => {
    await start();
    await draw(1).ended;
    const waiting = bench.askRival();
    expect((await waiting.ended).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: BARE_MIB - 400 });
    expect((await draw(2).ended).status).toBe(200);
    await bench.broker.running(0);
    expect(bench.rival.loaded).toBe(false);
    expect(bench.work).toEqual(['comfyui load', 'comfyui sample', 'rival work', 'comfyui load', 'comfyui sample']);
    expect(bench.overlaps).toEqual([]);
  });

  test('waits until it has really freed it', async () => {
    await start();
    await draw(1).ended;
    await bench.broker.running(0);
    demo.time.hold();
    const waiting = bench.askRival();
    await until(() => calls.includes('/free') && demo.time.pending === 1);
    await bench.becomes({ residency: 'unloading' });
    expect(bench.rival.jobs).toHaveLength(0);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
  });

  test('waits for jobs that did not come through the broker', async () => {
    await start();
    await draw(1).ended;
    await bench.broker.running(0);
    demo.time.hold();
    const ids = [await drawBehindOurBack(2), await drawBehindOurBack(3)];
    const waiting = bench.askRival();
    await bench.becomes({ external_work: true, residency: 'resident' });
    expect(calls).not.toContain('/free');
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(await Promise.all(ids.map(outcomeOf))).toEqual(['execution_success', 'execution_success']);
    expect(bench.overlaps).toEqual([]);
  });

  test('says so when it frees nothing, as under --highvram', async () => {
    const unload = { path: '/free', body: { unload_models: true, free_memory: true }, in_flight: 'waits', timeout: '300ms' };
    await start({ free_ignored: true }, { unload });
    await draw(1).ended;
    const answer = await bench.askRival().ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: 'eviction_failed' }]);
    expect(bench.rival.jobs).toHaveLength(0);
  });

  test('copes with memory that stays behind, when that is declared', async () => {
    await start({ leaks: true }, { residual_mib: 1500 });
    await draw(1).ended;
    expect((await bench.askRival().ended).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 1600 });
  });

  test('by hand succeeds when it is free already', async () => {
    await start();
    await draw(1).ended;
    await demo.post('/free', { unload_models: true, free_memory: true });
    await bench.becomes({ residency: 'absent' });
    expect((await bench.byHand('unload')).status).toBe(200);
  });
});

describe('a client that leaves before its job has an id', () => {
  /** Leaves when ComfyUI has its prompt and the broker has no answer yet. */
  async function leave(): Promise<void> {
    const leaving = draw(1);
    await until(() => calls.includes('/prompt'));
    leaving.abort();
    await until(() => bench.broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['path'] === '/v1/image'));
  }

  async function startSlow(quirks: Quirks): Promise<void> {
    slow = await slowAnswers(() => demo.port);
    await start(quirks);
    await bench.becomes({ healthy: true });
    demo.time.hold();
  }

  test.each([true, false])('has it interrupted when it runs, and nobody begins before that: interrupt_by_id %p', async (byId) => {
    await startSlow({ interrupt_by_id: byId });
    await leave();
    await until(() => bench.atWork === 1);
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    slow?.go();
    await until(() => calls.includes('/interrupt'));
    expect(bench.broker.daemon.gate.statistics).toMatchObject({ running: 1, waiting: 1 });
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.work).toEqual(['comfyui load', 'rival work']);
    expect(bench.overlaps).toEqual([]);
  });

  test.each([true, false])('has it taken out of the queue when it waits, and the job of another goes on: interrupt_by_id %p', async (byId) => {
    await startSlow({ interrupt_by_id: byId });
    const theirs = await drawBehindOurBack(2);
    calls.length = 0;
    await leave();
    expect(await remaining()).toBe(2);
    slow?.go();
    await untilAsked(async () => (await remaining()) === 1);
    await until(() => calls.includes('/queue'));
    demo.time.go();
    await bench.broker.running(0);
    expect(await outcomeOf(theirs)).toBe('execution_success');
    expect(calls).not.toContain('/interrupt');
  });

  test('has it taken out too when ComfyUI answers nobody while it loads', async () => {
    await start({ stalls_while_loading: true });
    await bench.becomes({ healthy: true });
    demo.time.hold();
    const theirs = await drawBehindOurBack(2);
    calls.length = 0;
    await leave();
    demo.time.go();
    await bench.broker.running(0);
    expect(await outcomeOf(theirs)).toBe('execution_success');
    await until(() => calls.includes('/queue'));
  });
});

test('one that does not answer while it loads for us is not down', async () => {
  await start({ stalls_while_loading: true }, { health: { timeout: '60ms' } });
  await bench.becomes({ healthy: true });
  demo.time.hold();
  await draw(1).ended;
  await bench.becomes({ healthy: true, last_error: 'GET /prompt: no answer within 60 ms', running: 1 });
  demo.time.go();
  await bench.broker.running(0);
  await bench.becomes({ healthy: true });
});

test('a page of the broker itself is not answered with 403', async () => {
  await start();
  const page = { ...TYPE, origin: bench.broker.url };
  expect(await demo.post('/prompt', demoRequest('image', 1).body, page)).toMatchObject({ status: 403, body: '' });
  expect((await bench.ask(demoRequest('image', 1).body, page).ended).status).toBe(200);
});

describe('an unmodified client', () => {
  function client(): Client {
    const fetch = facadeFetch({ url: bench.facade, path: '/prompt' });
    return new Client({ api_host: demo.url.slice('http://'.length), clientId: 'me', WebSocket, fetch });
  }

  test('draws through the broker and sees its progress at ComfyUI', async () => {
    await start();
    const me = client();
    await me.connect();
    demo.time.hold();
    const steps: number[] = [];
    const drawing = me.enqueue(graph(1), { progress: ({ value }) => steps.push(value) });
    await until(() => me.registered.includes('executed'));
    expect((await bench.broker.status()).scheduler.in_flight).toBe(1);
    demo.time.go();
    expect((await drawing).images).toMatchObject([{ data: expect.stringContaining('ComfyUI_00001_.png') }]);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    me.close();
  });

  test('draws by polling, twice, one after the other', async () => {
    await start();
    const images = await Promise.all([1, 2].map((seed) => client().enqueue_polling(graph(seed), { polling_ms: 5 })));
    expect(images.flatMap((each) => each.images)).toHaveLength(2);
    expect((await bench.broker.status()).scheduler.total_jobs).toBe(2);
  });

  test('reads a refusal of the broker as one of ComfyUI', async () => {
    await start();
    bench.card.hold('game', 12_000, 1);
    await bench.cardIsRead();
    await expect(client().enqueue_polling(graph(1), { polling_ms: 5 })).rejects.toThrow(/503|insufficient_vram/);
  });
});
