import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Sockets for 10,000 waiting clients, and some more. */
const FILES = 16_384;
/** A question to a bench process that takes longer is a bench that hangs. */
const ANSWER_LIMIT_MS = 120_000;

const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts Node on `file` with room for many sockets. With an IPC channel, which ends the process when this one ends.
 * @returns the ChildProcess
 */
export function startNode(file, { args = [], nodeArgs = [], env = {}, stdout = 'inherit' } = {}) {
  const command = `ulimit -n ${FILES} 2>/dev/null; exec "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath, ...nodeArgs, file, ...args], {
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Ends a process and waits until it is gone. */
export async function endProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}

/** A bench process that answers questions (`answerParent` in child.js). */
export class Helper {
  #child;
  #asked = new Map();
  #last = 0;

  /** Starts `bench/<file>`; resolves when it can be asked. */
  static async start(file, options = {}) {
    const helper = new Helper(startNode(fileURLToPath(new URL(`../${file}`, import.meta.url)), options));
    await helper.#answer(0, file);
    return helper;
  }

  constructor(child) {
    this.#child = child;
    child.on('message', ({ id, result, error }) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(error));
    });
    child.once('exit', (code, signal) => {
      for (const { reject, what } of this.#asked.values()) reject(new Error(`the process ended (${code ?? signal}) instead of answering: ${what}`));
    });
  }

  get pid() {
    return this.#child.pid;
  }

  async ask(what, input) {
    const id = ++this.#last;
    const answer = this.#answer(id, what);
    this.#child.send({ id, ask: what, with: input });
    return answer;
  }

  end() {
    return endProcess(this.#child);
  }

  async #answer(id, what) {
    const asked = Promise.withResolvers();
    this.#asked.set(id, { ...asked, what });
    const timer = setTimeout(() => asked.reject(new Error(`no answer in time: ${what}`)), ANSWER_LIMIT_MS);
    return asked.promise.finally(() => clearTimeout(timer));
  }
}

/** CPU time that a process and its threads have used, ms. */
export function cpuMs(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]));
  return ns.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** CPU time that this process and those it has started, and that still run, have used; ms. */
export function ownCpuMs() {
  return [process.pid, ...[...running].map((child) => child.pid)].reduce((sum, pid) => sum + cpuMs(pid), 0);
}

/**
 * Gives the contestants, of which one works at a time, the first core and the load the others, so that they do not push each
 * other around. Returns what was done, in words.
 */
export function pinApart(contestants, load) {
  const last = availableParallelism() - 1;
  if (last < 1) return 'not pinned: there is one core only';
  try {
    for (const pid of contestants) pin(pid, '0');
    for (const pid of load) pin(pid, `1-${last}`);
    return `pinned: contestants to core 0, load and upstream to ${last === 1 ? 'core 1' : `cores 1 to ${last}`}`;
  } catch {
    return 'not pinned: there is no taskset';
  }
}

function pin(pid, cores) {
  execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', cores, String(pid)], { stdio: 'ignore' });
}

/** Resident memory of a process, MiB. */
export function rssMib(pid) {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}
