import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import { toneWav } from '../../lib/demo/servers/wav.ts';
import { createWhisper } from '../../lib/demo/servers/whisper.ts';
import type { Settings } from '../support/broker.ts';
import { forkDemo, sharedCard, startDemo, unitCommands } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { facadeFetch } from '../support/facade-fetch.ts';
import { fakeCard } from '../support/fake-card.ts';
import { HeldTime } from '../support/held-time.ts';
import { openRequest, openUpload, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const BOUNDARY = 'xyz';
const form = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const recording = body(field('file', toneWav(1)));
let demo: RunningDemo;
let time: HeldTime;
let bench: PresetBench;
/** GETs of /health, oldest first. */
let probes: ServerResponse[];

interface Start {
  readonly quirks?: Quirks;
  readonly settings?: Settings;
  readonly file?: Settings;
  readonly isHeld?: boolean;
}

async function start({ quirks = {}, settings = {}, file = {}, isHeld = false }: Start = {}): Promise<void> {
  const card = sharedCard(16_376);
  time = new HeldTime();
  if (isHeld) time.hold();
  demo = await startDemo((options) => createWhisper({ ...options, pause: time.pause, quirks }), card);
  probes = [];
  demo.server.prependListener('request', ({ url }, response) => {
    if (url === '/health') probes.push(response);
  });
  const own = { vram_resident_mib: 1500, ...settings };
  bench = await PresetBench.start({ preset: 'whisper.cpp', kind: 'stt', url: demo.url, card, rivalMib: 15_000, settings: own, file });
}

/** A whisper-server as a process of its own, with its preset and further settings. */
async function startProcess(settings: Settings = {}): Promise<ReturnType<typeof unitCommands>> {
  demo = await startDemo(createWhisper);
  time = demo.time;
  const card = fakeCard({ totalMib: 16_376 });
  const server = await forkDemo('whisper', card);
  const unit = unitCommands('whisper', server, card);
  const own = { vram_resident_mib: 1500, load: unit.load, unload: unit.unload, ...settings };
  bench = await PresetBench.start({ preset: 'whisper.cpp', kind: 'stt', url: server.url, card, rivalMib: 15_000, settings: own });
  return unit;
}

afterEach(async () => {
  time.go();
  await bench.stop();
  await demo.stop();
});

function field(name: string, value: Buffer | string): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
}

function body(...fields: Buffer[]): Buffer {
  return Buffer.concat([...fields, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

function transcribe(): OpenRequest {
  return bench.ask(recording, form);
}

/** The same past the broker. */
function behindOurBack(): OpenRequest {
  return openRequest({ url: `${demo.url}/inference`, method: 'POST', body: recording, headers: form });
}

describe('while it loads', () => {
  test.each([
    [true, 404],
    [false, 503],
  ])('behind an open port it is not ready, and its clients hear that at once: rewrites_errors %p', async (rewrites, status) => {
    await start({ quirks: { loads_before_bind: false, rewrites_errors: rewrites }, isHeld: true });
    await bench.becomes({ healthy: false, last_error: `GET /health answered ${status}: it is still loading` });
    const answer = await transcribe().ended;
    const said = { error: 'consumer_unreachable', message: expect.stringContaining('still loading') };
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, said]);
    time.go();
    await bench.becomes({ healthy: true });
    expect((await transcribe().ended).status).toBe(200);
    await bench.becomes({ residency: 'resident' });
  });

  test('before its port is open it is absent', async () => {
    const unit = await startProcess();
    expect((await bench.byHand('unload')).status).toBe(200);
    await bench.becomes({ residency: 'absent', healthy: false, last_error: 'GET /health: connection refused (ECONNREFUSED)' });
    expect((await bench.byHand('load')).status).toBe(200);
    await bench.becomes({ residency: 'resident', healthy: true, gpu_resident_mib: 1500 });
    unit.end();
  });

  test('as a process that finds no memory it never listens', async () => {
    await start();
    const card = fakeCard({ totalMib: 1000 });
    await expect(forkDemo('whisper', card)).rejects.toThrow('whisper ended with exit code 1 before it listened');
    card.cleanup();
  });

  test('after a /load that was refused its health stays 404, until one succeeds', async () => {
    await start();
    await bench.becomes({ healthy: true });
    const load = (file: string) => demo.post('/load', body(field('model', file)), form);
    await load('models/nope.bin');
    await bench.becomes({ healthy: false });
    expect((await transcribe().ended).status).toBe(503);
    await load('models/ggml-medium.bin');
    await bench.becomes({ healthy: true });
    expect((await transcribe().ended).status).toBe(200);
  });
});

describe('residency', () => {
  test('as a process of its own is what its memory says, and a new broker knows it', async () => {
    const unit = await startProcess();
    await bench.becomes({ residency: 'resident', residency_source: 'process', gpu_resident_mib: 1500, gpu_resident_source: 'process' });
    await bench.restart();
    await bench.becomes({ residency: 'resident', residency_source: 'process', gpu_resident_mib: 1500 });
    expect((await transcribe().ended).status).toBe(200);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
    unit.end();
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 0 });
  });
});

describe('making room', () => {
  test('is not possible with the preset alone', async () => {
    await start();
    await bench.becomes({ healthy: true });
    await bench.cardIsRead();
    const answer = await bench.askRival().ended;
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: 'insufficient_vram' }]);
    expect((await bench.byHand('unload')).status).toBe(409);
  });

  test('by commands stops it, and starts it again for its next request', async () => {
    const unit = await startProcess();
    await bench.becomes({ residency: 'resident', residency_source: 'process' });
    expect(await bench.askRival().ended).toMatchObject({ status: 200 });
    await bench.becomes({ residency: 'absent', healthy: false, gpu_resident_mib: 0 });
    const answer = await transcribe().ended;
    expect(answer).toMatchObject({ status: 200, headers: { 'server-timing': expect.stringMatching(/evict;dur=[\d.]+, load;dur=/) } });
    expect(bench.work).toEqual(['whisper-server load', 'rival work', 'whisper-server load', 'whisper-server inference']);
    expect(bench.overlaps).toEqual([]);
    unit.end();
  });

  test('waits for a request of ours', async () => {
    const unit = await startProcess();
    await bench.becomes({ residency: 'resident', residency_source: 'process' });
    const both = [transcribe(), bench.askRival()];
    expect((await Promise.all(both.map(({ ended }) => ended))).map(({ status }) => status)).toEqual([200, 200]);
    expect(bench.overlaps).toEqual([]);
    unit.end();
  });

  test('a model that breaks ends the process, which is absent then and started for the next request', async () => {
    const unit = await startProcess();
    await bench.becomes({ residency: 'resident', residency_source: 'process' });
    const load = openRequest({ url: `${bench.serverUrl}/load`, method: 'POST', body: body(field('model', 'models/broken.bin')), headers: form });
    await expect(load.ended).rejects.toThrow();
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect((await transcribe().ended).status).toBe(200);
    unit.end();
  });
});

describe('a busy one is not down', () => {
  const many = { settings: { max_concurrency: 8 }, file: { gpu: { concurrency: 8 } } };

  test('with eight requests of ours it is not asked at all', async () => {
    await start({ ...many, settings: { ...many.settings, health: { timeout: '60ms' } } });
    await bench.becomes({ healthy: true });
    time.hold();
    const all = Array.from({ length: 8 }, transcribe);
    await bench.broker.running(8);
    await until(() => bench.atWork === 1);
    const before = probes.length;
    await bench.cardIsReadAgain();
    expect(probes.length - before).toBeLessThanOrEqual(1);
    expect((await bench.state()).healthy).toBe(true);
    time.go();
    expect((await Promise.all(all.map(({ ended }) => ended))).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  });

  test('asked all the same, it does not answer, and that says nothing', async () => {
    await start({ ...many, settings: { ...many.settings, health: { skip_when_busy: false, timeout: '60ms' } } });
    await bench.becomes({ healthy: true });
    time.hold();
    const all = Array.from({ length: 8 }, transcribe);
    await bench.broker.running(8);
    const before = probes.length;
    await until(() => probes.length >= before + 3);
    await bench.becomes({ healthy: true, last_error: 'GET /health: no answer within 60 ms' });
    time.go();
    await Promise.all(all.map(({ ended }) => ended));
    await bench.becomes({ healthy: true });
  });

  test.each([
    [true, false],
    [false, true],
  ])('eight requests of others look as if it were down until they end: pool_of_eight %p', async (pool, healthy) => {
    await start({ quirks: { pool_of_eight: pool }, settings: { health: { timeout: '60ms' } } });
    await bench.becomes({ healthy: true });
    time.hold();
    const all = Array.from({ length: 8 }, behindOurBack);
    await until(() => bench.atWork === 1);
    const before = probes.length;
    await until(() => probes.length >= before + 3);
    await bench.becomes({ healthy });
    time.go();
    await Promise.all(all.map(({ ended }) => ended));
    await bench.becomes({ healthy: true });
  });
});

describe('a client that leaves', () => {
  test('while it waits never reaches it, so that nothing is worked on for nobody', async () => {
    await start();
    await bench.becomes({ healthy: true });
    time.hold();
    const first = transcribe();
    await until(() => bench.atWork === 1);
    const leaving = [transcribe(), transcribe()];
    await bench.broker.waiting(2);
    for (const open of leaving) open.abort();
    await bench.broker.waiting(0);
    time.go();
    expect((await first.ended).status).toBe(200);
    expect((await transcribe().ended).status).toBe(200);
    expect(bench.work).toEqual(['whisper-server load', 'whisper-server inference', 'whisper-server inference']);
  });

  test.each([true, false])('while it works has its work awaited, whatever a closed connection would do: deaf_at_first %p', async (deaf) => {
    await start({ quirks: { deaf_at_first: deaf } });
    await bench.becomes({ healthy: true });
    time.hold();
    const leaving = transcribe();
    await until(() => bench.atWork === 1);
    const waiting = transcribe();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => bench.broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client left'));
    expect([bench.atWork, time.aborted, bench.broker.daemon.gate.statistics.running]).toEqual([1, 0, 1]);
    time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });
});

describe('what it is asked and answers', () => {
  test('a chunked upload gets a length, and an upload without one an answer', async () => {
    await start();
    await bench.becomes({ healthy: true });
    const chunked = openUpload(bench.facade, { ...form, 'transfer-encoding': 'chunked' });
    chunked.request.end(recording);
    expect((await chunked.ended).status).toBe(200);
    expect(await request({ url: bench.facade, method: 'POST' })).toMatchObject({ status: 400, body: 'Invalid request' });
  });

  test.each([
    [true, 'text/plain', 'Invalid request'],
    [false, 'application/json', `{"error":"no 'file' field in the request"}`],
  ])('its refusal passes as it is: rewrites_errors %p', async (rewrites, type, text) => {
    await start({ quirks: { rewrites_errors: rewrites } });
    await bench.becomes({ healthy: true });
    expect(await bench.ask(body(), form).ended).toMatchObject({ status: 400, headers: { 'content-type': type }, body: text });
  });

  test('a text is said to be HTML, as it says itself', async () => {
    await start();
    await bench.becomes({ healthy: true });
    const answer = await bench.ask(body(field('file', toneWav(1)), field('response_format', 'text')), form).ended;
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
  });

  test('every request is answered when connections have had their 100 requests', async () => {
    await start();
    await bench.becomes({ healthy: true });
    const statuses = new Set<number>();
    for (let count = 0; count < 205; count++) statuses.add((await transcribe().ended).status);
    expect([...statuses]).toEqual([200]);
  });

  test("OpenAI's client is understood with --inference-path", async () => {
    await start({ quirks: { openai_path: true }, settings: { paths: { stt: { path: '/v1/audio/transcriptions' } } } });
    await bench.becomes({ healthy: true });
    const fetch = facadeFetch({ url: bench.facade, path: '/v1/audio/transcriptions' });
    const client = new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'none', maxRetries: 0, fetch });
    const file = new File([new Uint8Array(toneWav(1))], 'speech.wav');
    expect(await client.audio.transcriptions.create({ model: 'whisper-1', file })).toMatchObject({ text: expect.any(String) });
    expect((await bench.broker.status()).scheduler.total_jobs).toBe(1);
  });
});
