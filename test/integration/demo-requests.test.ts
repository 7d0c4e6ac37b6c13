import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config/load.ts';
import { KINDS } from '../../lib/config/types.ts';
import type { Kind } from '../../lib/config/types.ts';
import { Daemon } from '../../lib/daemon.ts';
import { curlLines, demoRequest } from '../../lib/demo/request-set.ts';
import { wavSeconds } from '../../lib/demo/servers/wav.ts';
import { forkDemo } from '../support/demo-server.ts';
import type { DemoProcess } from '../support/demo-server.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { FakeLogger } from '../support/fake-logger.ts';
import { request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';

/** The consumers of CONTRACT's example, less the systemd unit. */
const EXAMPLE = {
  mvoice: {
    health: { path: '/api/health' },
    paths: { tts: { path: '/api/synthesize' }, stt: { path: '/api/transcribe' } },
    vram_resident_mib: 2800,
    load: { path: '/api/admin/load' },
    unload: { path: '/api/admin/unload' },
    can_coexist_with: ['ollama', 'whisper'],
    priority: 3,
  },
  whisper: { health: { path: '/health' }, paths: { stt: { path: '/inference' } }, vram_resident_mib: 1500 },
  ollama: { health: { path: '/api/version' }, paths: { llm: { path: '/api/generate' } }, vram_managed: true },
  comfyui: {
    health: { path: '/system_stats' },
    paths: { image: { path: '/prompt' } },
    vram_resident_mib: 13_000,
    unload: { path: '/free', body: { unload_models: true, free_memory: true } },
    busy: { path: '/prompt', pointer: '/exec_info/queue_remaining' },
    max_concurrency: 1,
  },
};

let card: FakeCard;
let demos: Record<string, DemoProcess>;
let daemon: Daemon;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-demo-'));
  // Room for one of the large ones at a time, beside what is never unloaded.
  card = fakeCard({ totalMib: 20_000 });
  demos = Object.fromEntries(await Promise.all(Object.keys(EXAMPLE).map(async (name) => [name, await forkDemo(name, card)] as const)));
  daemon = new Daemon({ config: configOf('mvoice'), configPath: 'test', version: 'test', logger: new FakeLogger(), env: card.env });
  await daemon.start();
});

afterAll(async () => {
  await daemon.stop(1000);
  await Promise.all(Object.values(demos).map((demo) => demo.stop()));
  card.cleanup();
  rmSync(folder, { recursive: true });
});

function configOf(stt: string): ConstructorParameters<typeof Daemon>[0]['config'] {
  const consumers = Object.fromEntries(Object.entries(EXAMPLE).map(([name, settings]) => [name, { url: demos[name]?.url, ...settings }]));
  const file = {
    listen: '127.0.0.1:0',
    gpu: { total_mib: 20_000, poll_interval: '50ms' },
    health: { interval: '50ms' },
    routing: { tts: 'mvoice', stt, llm: 'ollama', image: 'comfyui' },
    audio_proxy: 'mvoice',
    consumers,
  };
  const result = parseConfig(JSON.stringify(file), 'test.yaml', {});
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

function ask(kind: Kind, seed?: number): Promise<Answer> {
  const { method, path, headers, body } = demoRequest(kind, seed);
  return request({ url: daemon.url + path, method, headers, body });
}

/** What a good answer of a kind contains. */
const GOOD: Readonly<Record<Kind, RegExp>> = {
  tts: /^\{"audio_url":"\/audio\/[^"]+\.wav","tts_ms":\d+\}$/,
  stt: /^\{"text":"The quick [^"]+"\}$/,
  llm: /^\{"model":[^\n]+"done":false\}\n.*"done":true,[^\n]+\}\n$/s,
  image: /^\{"prompt_id":"[^"]+","number":\d+,"node_errors":\{\}\}$/,
};

test.each(KINDS)('the %s request is answered through the broker', async (kind) => {
  const answer = await ask(kind);
  expect([answer.status, answer.body]).toEqual([200, expect.stringMatching(GOOD[kind])]);
});

test('the same stt request is understood by whisper too', async () => {
  const { method, headers, body } = demoRequest('stt');
  const answer = await request({ url: `${demos['whisper']?.url}/inference`, method, headers, body });
  expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('The quick') });
});

test('an image takes the place of speech, and speech comes back', async () => {
  expect((await ask('tts')).status).toBe(200);
  const image = await ask('image', 2);
  expect(image.status).toBe(200);
  const speech = await ask('tts');
  expect(speech.status).toBe(200);
  const url = /"audio_url":"([^"]*)"/.exec(speech.body)?.[1];
  expect((await request({ url: `${daemon.url}${url}`, headers: { range: 'bytes=0-3' } })).body).toBe('RIFF');
  expect(card.memory.freeMib()).toBeGreaterThanOrEqual(0);
});

const whereCurlIs = spawnSync('curl', ['--version']).status === 0 ? test : test.skip;

whereCurlIs.each(KINDS)('the curl lines for %s work when pasted', async (kind) => {
  let said = '';
  for (const line of curlLines(kind, daemon.url)) said = (await promisify(execFile)('sh', ['-c', line], { cwd: folder })).stdout;
  if (kind === 'tts') expect(wavSeconds(readFileSync(join(folder, 'speech.wav')))).toBeGreaterThan(1);
  else expect(said).toMatch(GOOD[kind]);
});
