import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ENV, NODE_ARGS } from '../../ecosystem.config.js';
import { endProcess, startNode } from './processes.js';

const LEASH = new URL('../contestants/leash.js', import.meta.url).href;
/** A daemon that has not started by then never will. */
const START_LIMIT_MS = 15_000;

/** Every kind of `port`'s server at one path, and audio. */
export function consumerAt(port, settings = {}) {
  const path = { path: '/work' };
  return { url: `http://127.0.0.1:${port}`, paths: { tts: path, stt: path, llm: path, image: path }, ...settings };
}

/** Settings of the file: one consumer for everything. */
export function settingsFor(port, settings = {}) {
  const routing = { tts: 'one', stt: 'one', llm: 'one', image: 'one' };
  return { routing, audio_proxy: 'one', consumers: { one: consumerAt(port) }, ...settings };
}

/**
 * Starts the real daemon, as a user would, of the checkout at `root`; its log goes to a file. There is no nvidia-smi, unless
 * `path` leads to a simulated one.
 */
export async function startDaemon(settings, { root, path = '/nowhere', nodeArgs = [] }) {
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-bench-'));
  const config = join(dir, 'config.yaml');
  const log = join(dir, 'log');
  // JSON is YAML, too.
  writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', shutdown_grace: '1s', ...settings }));
  const out = openSync(log, 'w');
  const child = startNode(join(root, 'bin/mgpumanager.js'), {
    args: ['serve', '--config', config],
    nodeArgs: [...NODE_ARGS, ...nodeArgs, '--import', LEASH],
    env: { ...ENV, PATH: path, XDG_STATE_HOME: tmpdir() },
    stdout: out,
  });
  closeSync(out);
  await ready(child, log);
  const url = new URL(await urlIn(log));
  const end = async () => {
    await endProcess(child);
    rmSync(dir, { recursive: true, force: true });
  };
  return { pid: child.pid, port: Number(url.port), log, end, status: () => statusOf(url), probed: () => probed(url) };
}

async function ready(child, log) {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  const ended = once(child, 'exit').then(() => 'ended');
  const said = once(child, 'message', { signal }).then(([message]) => message);
  const first = await Promise.race([ended, said]);
  if (first !== 'ready') throw new Error(`the daemon did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : first}`);
}

/** The address that the daemon logged; its lines may be written a moment after `ready`. */
async function urlIn(log) {
  for (;;) {
    const url = /"url":"([^"]+)"/.exec(readFileSync(log, 'utf8'))?.[1];
    if (url !== undefined) return url;
    await delay(5);
  }
}

async function statusOf(url) {
  return (await fetch(new URL('/v1/status', url))).json();
}

/** Resolves when every consumer has been probed once. */
async function probed(url) {
  while (!(await fetch(new URL('/readyz', url))).ok) await delay(20);
}
