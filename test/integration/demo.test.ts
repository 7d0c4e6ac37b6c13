import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';
import { request } from '../support/http.ts';
import { BIN } from '../support/serve-process.ts';
import { until } from '../support/until.ts';

let child: ChildProcess;
let output = '';
afterEach(() => void child.kill('SIGKILL'));

test('the demo shows a request of each kind, evictions and loads, stays up, and ends with all it has started', async () => {
  child = spawn(process.execPath, [BIN, 'demo', '--listen', '127.0.0.1:0'], { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes('Ctrl-C ends everything'), 60_000);
  for (const row of [/tts +mvoice +200/, /stt +whisper-server +200/, /llm +ollama +200/, /image +comfyui +200/]) expect(output).toMatch(row);
  expect(output).toMatch(/unloaded \S+ for comfyui: comfyui needs \d+ MiB/);
  expect(output).toMatch(/unloaded \S+ for mvoice: mvoice needs \d+ MiB/);
  expect(output).toMatch(/mvoice is resident \(loaded\)/);
  const url = /listens on (http:\/\/[\d.]+:\d+)/.exec(output)?.[1] ?? '';
  expect((await request({ url: `${url}/v1/status` })).body).toContain('"uuid":"GPU-');
  const [, page = '', key = ''] = /Open (\S+) in a browser; .* is (\S+)/.exec(output) ?? [];
  expect((await request({ url: page })).status).toBe(200);
  const browser = { Origin: url, 'Sec-Fetch-Site': 'same-origin' };
  const unload = (headers: Record<string, string>) => request({ url: `${url}/v1/consumers/mvoice/unload`, method: 'POST', headers: { ...browser, ...headers } });
  expect([(await unload({})).status, (await unload({ Authorization: `Bearer ${key}` })).status]).toEqual([401, 200]);
  const family = descendants(child.pid ?? 0);
  expect(family.length).toBeGreaterThanOrEqual(5);
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  await until(() => family.every((pid) => !isAlive(pid)));
}, 90_000);

/** Every process below `pid`. */
function descendants(pid: number): number[] {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((each) => parentOf(each) === pid);
  return children.flatMap((each) => [each, ...descendants(each)]);
}

function parentOf(pid: number): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return -1;
  }
}

function isAlive(pid: number): boolean {
  return parentOf(pid) > -1;
}
