import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { forkDemo } from '../support/demo-server.ts';
import type { DemoProcess } from '../support/demo-server.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { request } from '../support/http.ts';

/** What each holds when it has just started, MiB. */
const AT_START = { mvoice: 2800, whisper: 1500, ollama: 0, comfyui: 400 };

let card: FakeCard;
let running: DemoProcess[];

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((demo) => demo.stop()));
  card.cleanup();
});

async function start(name: string): Promise<DemoProcess> {
  const demo = await forkDemo(name, card);
  running.push(demo);
  return demo;
}

test.each(Object.entries(AT_START))('%s listens as a process of its own and then holds %d MiB', async (name, mib) => {
  const demo = await start(name);
  const paths: Record<string, string> = { mvoice: '/api/health', whisper: '/health', ollama: '/api/version', comfyui: '/prompt' };
  expect((await request({ url: demo.url + (paths[name] ?? '') })).status).toBe(200);
  expect(card.memory.usedMib()).toBe(mib);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it at once and frees its memory', async (signal) => {
  const { child } = await start('mvoice');
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(card.memory.usedMib()).toBe(0);
});

test('it ends when its parent is gone', async () => {
  const { child } = await start('comfyui');
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test.each([
  [['--port', '0'], '--card DIR is missing'],
  [['--port', 'x', '--card', 'y'], '--port: expected a number, got x'],
  [['--prot', '0'], "Unknown option '--prot'"],
])('started with %j it says what is wrong', async (args, message) => {
  const module = fileURLToPath(new URL('../../lib/demo/servers/ollama.ts', import.meta.url));
  const child = spawn(process.execPath, [module, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = text(child.stderr);
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(await said).toContain(`ollama: ${message}`);
});
