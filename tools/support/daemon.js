import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess } from '../../bench/support/processes.js';
import { ENV, NODE_ARGS } from '../../ecosystem.config.js';
import { ask } from './http.js';

const PROBE = new URL('probe.js', import.meta.url).href;
/** A daemon that has not started by then never will; an answer of its probe that is not there by then will not come. On a busy machine a census takes ten seconds. */
const LIMIT_MS = 60_000;

/** The real daemon as a process of its own, that can be asked what it holds, reloaded, and looked at from outside. */
export class DaemonProcess {
  #child;
  #dir;
  #last = 0;

  /**
   * Starts the built daemon of the checkout at `root`. `path` and `env`: its environment; `output`: a file for stdout and stderr
   * instead of its log.
   */
  static async start(settings, { root, path = '/nowhere', env = {}, output }) {
    const daemon = new DaemonProcess(await freePort());
    daemon.configure(settings);
    const out = openSync(output ?? daemon.log, 'a');
    const args = [...NODE_ARGS, '--import', PROBE, join(root, 'bin/mgpumanager.js'), 'serve', '--config', daemon.config];
    daemon.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...ENV, XDG_STATE_HOME: daemon.#dir, PATH: path, ...env },
      stdio: ['ignore', out, out, 'ipc'],
    });
    closeSync(out);
    await daemon.#ready();
    return daemon;
  }

  constructor(port) {
    this.port = port;
    this.#dir = mkdtempSync(join(tmpdir(), 'mgpu-tool-'));
    this.log = join(this.#dir, 'log');
    this.config = join(this.#dir, 'config.yaml');
  }

  get pid() {
    return this.#child.pid;
  }

  get isAlive() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Writes the configuration; JSON is YAML, too. */
  configure(settings) {
    writeFileSync(this.config, JSON.stringify({ listen: `127.0.0.1:${this.port}`, shutdown_grace: '2s', ...settings }));
  }

  signal(name) {
    this.#child.kill(name);
  }

  /**
   * `look` or `census` of probe.js.
   * @throws Error with what was logged last, if the daemon has ended or stands still
   */
  async probe(what) {
    const id = ++this.#last;
    try {
      this.#child.send({ id, ask: what });
      for await (const [message] of on(this.#child, 'message', { signal: AbortSignal.timeout(LIMIT_MS) })) {
        if (message.id === id) return message.result;
      }
    } catch (error) {
      throw this.#silent(`the question for a ${what}: ${error.message}`);
    }
  }

  /** @throws Error with what was logged last, if the daemon has ended or stands still */
  async status() {
    const { status, text } = await ask(this.port, { path: '/v1/status' });
    if (status !== 200) throw this.#silent(`/v1/status: ${status} ${text}`);
    return JSON.parse(text);
  }

  /** Resolves when every consumer has been probed once. */
  async probed() {
    while ((await ask(this.port, { path: '/readyz' })).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Takes what has been logged out of the file, so that a long run does not fill the disk. Empty if it goes elsewhere. */
  takeLog() {
    if (!existsSync(this.log)) return '';
    const text = readFileSync(this.log, 'utf8');
    truncateSync(this.log);
    return text;
  }

  /** Ends it. Resolves with its exit code. */
  async end() {
    await endProcess(this.#child);
    rmSync(this.#dir, { recursive: true, force: true });
    return this.#child.exitCode;
  }

  #silent(what) {
    const state = this.isAlive ? 'runs' : `has ended (${this.#child.exitCode ?? this.#child.signalCode})`;
    return new Error(`${what}; the daemon ${state}; it logged last: ${this.takeLog().slice(-2000)}`);
  }

  async #ready() {
    const ended = once(this.#child, 'exit').then(() => 'ended');
    const said = once(this.#child, 'message', { signal: AbortSignal.timeout(LIMIT_MS) }).then(([message]) => message);
    const first = await Promise.race([ended, said]);
    if (first !== 'ready') throw new Error(`the daemon did not start: ${this.takeLog()}`);
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
