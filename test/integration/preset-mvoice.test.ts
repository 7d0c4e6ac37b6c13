import { afterEach, describe, expect, test } from '@jest/globals';
import { demoRequest } from '../../lib/demo/request-set.ts';
import type { Quirks } from '../../lib/demo/servers/http.ts';
import { createMvoice } from '../../lib/demo/servers/mvoice.ts';
import type { Settings } from '../support/broker.ts';
import { forkDemo, sharedCard, startDemo } from '../support/demo-server.ts';
import type { RunningDemo } from '../support/demo-server.ts';
import { fakeCard } from '../support/fake-card.ts';
import { openRequest, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { PresetBench } from '../support/preset-bench.ts';
import type { BenchOptions } from '../support/preset-bench.ts';
import { until } from '../support/until.ts';

const speech = { text: 'hello' };
let demo: RunningDemo;
let bench: PresetBench;

async function start(quirks: Quirks = {}, settings: Settings = {}, rest: Pick<BenchOptions, 'file' | 'rivalMib'> = {}): Promise<void> {
  const card = sharedCard(16_376);
  demo = await startDemo((options) => createMvoice({ ...options, quirks }), card);
  const own = { vram_resident_mib: 2800, ...settings };
  bench = await PresetBench.start({ preset: 'mvoice', kind: 'tts', url: demo.url, card, settings: own, ...rest });
}

afterEach(async () => {
  demo.time.go();
  await bench.stop();
  await demo.stop();
});

/** Speech that did not come through the broker; it stands until time goes on. */
async function workBehindOurBack(): Promise<OpenRequest> {
  demo.time.hold();
  const open = openRequest({ url: `${demo.url}/api/synthesize`, method: 'POST', body: speech });
  await until(() => bench.atWork === 1);
  return open;
}

describe('residency', () => {
  test.each([
    [true, { residency: 'absent', gpu_resident_mib: 9 }],
    [false, { residency: 'absent', gpu_resident_mib: 0 }],
  ])('is what its health says, and its bare context is none: keeps_context %p', async (keepsContext, absent) => {
    await start({ keeps_context: keepsContext });
    const mib = keepsContext ? 2800 : 2791;
    await bench.becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: mib, gpu_resident_source: 'self' });
    await demo.post('/api/admin/unload');
    await bench.becomes({ ...absent, residency_source: 'self' });
    await demo.post('/api/admin/load');
    await bench.becomes({ residency: 'resident', gpu_resident_mib: mib });
  });

  test('is known to a new broker before its first request, which loads and unloads nothing', async () => {
    await start();
    await bench.restart();
    await bench.becomes({ residency: 'resident', residency_source: 'self' });
    expect((await bench.ask(speech).ended).status).toBe(200);
    expect((await bench.broker.status()).scheduler.evictions).toBe(0);
    expect(bench.work).toEqual(['mvoice load', 'mvoice synthesize']);
  });

  test('of one that is absent is known to a new broker, which loads it first', async () => {
    await start({ starts_loaded: false });
    await bench.restart();
    await bench.becomes({ residency: 'absent', residency_source: 'self' });
    expect((await bench.ask(speech).ended).headers['server-timing']).toMatch(/load;dur=/);
  });
});

describe('making room', () => {
  test('unloads it, and its next request loads it again', async () => {
    await start();
    expect((await bench.askRival().ended).status).toBe(200);
    await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 9 });
    expect((await bench.ask(speech).ended).status).toBe(200);
    expect(bench.rival.loaded).toBe(false);
    expect(bench.work).toEqual(['mvoice load', 'rival work', 'mvoice load', 'mvoice synthesize']);
    expect(bench.overlaps).toEqual([]);
  });

  test.each([true, false])('loads before it asks, with loads_itself %p', async (loadsItself) => {
    await start({ starts_loaded: false, loads_itself: loadsItself });
    await bench.becomes({ residency: 'absent' });
    const answer = await bench.ask(speech).ended;
    expect(answer).toMatchObject({ status: 200, headers: { 'server-timing': expect.stringMatching(/load;dur=/) } });
  });

  test('waits for work that did not come through the broker, and does not cut it', async () => {
    await start();
    const theirs = await workBehindOurBack();
    const waiting = bench.askRival();
    await bench.becomes({ residency: 'unloading' });
    expect(bench.rival.jobs).toHaveLength(0);
    demo.time.go();
    expect(await theirs.ended).toMatchObject({ status: 200, complete: true });
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });

  test('by hand loads it, and a load that finds no memory is 502', async () => {
    await start({ starts_loaded: false });
    await bench.becomes({ residency: 'absent' });
    bench.card.hold('game', 15_000, 1);
    bench.card.setMode('echo "No devices were found"; exit 6');
    const answer = await bench.byHand('load');
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([502, { error: 'load_failed', consumer: 'server', retryable: true }]);
    bench.card.hold('game', 0, 1);
    bench.card.clearMode();
    expect(JSON.parse((await bench.byHand('load')).body)).toEqual({ consumer: 'server', residency: 'resident' });
  });
});

describe('unloading', () => {
  test('by hand succeeds when it has been unloaded already, which no probe has told yet', async () => {
    await start({}, {}, { file: { health: { interval: '1h' } } });
    await bench.ask(speech).ended;
    await demo.post('/api/admin/unload');
    const answer = await bench.byHand('unload');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { consumer: 'server', residency: 'absent' }]);
  });
});

describe('a client that leaves', () => {
  test.each([true, false])('leaves no work that another one begins beside: works_on %p', async (worksOn) => {
    // There is room for both, so that only the lease keeps the rival from beginning.
    await start({ works_on: worksOn }, {}, { rivalMib: 1000 });
    demo.time.hold();
    const leaving = bench.ask(speech);
    await until(() => bench.atWork === 1);
    const waiting = bench.askRival();
    await bench.broker.waiting(1);
    leaving.abort();
    await until(() => bench.broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['path'] === '/v1/tts'));
    await bench.cardIsReadAgain();
    expect(bench.rival.jobs).toHaveLength(0);
    demo.time.go();
    expect((await waiting.ended).status).toBe(200);
    expect(bench.overlaps).toEqual([]);
  });
});

test('what it speaks is fetched through the broker, and what it hears comes from there too', async () => {
  const { headers, body } = demoRequest('stt');
  await start({}, {}, { file: { routing: { tts: 'server', stt: 'server' }, audio_proxy: 'server' } });
  const { audio_url: audio }: { audio_url: string } = JSON.parse((await bench.ask(speech).ended).body);
  const wav = await request({ url: bench.broker.url + audio, headers: { range: 'bytes=0-3' } });
  expect(wav).toMatchObject({ status: 206, body: 'RIFF' });
  const heard = await request({ url: `${bench.broker.url}/v1/stt`, method: 'POST', headers, body });
  expect(JSON.parse(heard.body)).toMatchObject({ text: expect.any(String) });
});

test('as a process of its own it is known by its processes too', async () => {
  const card = fakeCard({ totalMib: 16_376 });
  demo = await startDemo(createMvoice);
  const child = await forkDemo('mvoice', card);
  bench = await PresetBench.start({ preset: 'mvoice', kind: 'tts', url: child.url, card, settings: { vram_resident_mib: 2800 } });
  await bench.becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: 2800 });
  child.child.kill('SIGKILL');
  await bench.becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 0, gpu_resident_source: 'process', healthy: false });
  // Nothing of what it had is counted when it is to be loaded again.
  const plan = await request({ url: `${bench.broker.url}/v1/plan?consumer=server` });
  expect(JSON.parse(plan.body)).toMatchObject({ plan: 'fits', required_mib: 2800 + 256 });
  await child.stop();
});
