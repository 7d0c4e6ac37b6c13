import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..', '..');
export const BIN = join(ROOT, 'bin', 'mgpumanager.js');

/** How a daemon of its own is started. */
export interface ServeOptions {
  /** The file's content. */
  readonly config: unknown;
  readonly env: NodeJS.ProcessEnv;
  /** Where its standard output goes; default: to the test. A number is a file descriptor. */
  readonly stdout?: 'pipe' | number;
  /** Options of Node itself; default: none. */
  readonly nodeArgs?: readonly string[];
}

/** `mgpumanager serve` in a process of its own, as a user starts it. */
export class ServeProcess {
  readonly child: ChildProcess;
  readonly configPath: string;
  readonly lines: Record<string, unknown>[] = [];
  stderr = '';
  readonly #dir: string;
  readonly #waiters = new Set<() => void>();

  constructor({ config, env, stdout = 'pipe', nodeArgs = [] }: ServeOptions) {
    this.#dir = mkdtempSync(join(tmpdir(), 'mgpu-serve-'));
    this.configPath = join(this.#dir, 'config.yaml');
    this.write(config);
    this.child = spawn(process.execPath, [...nodeArgs, BIN, 'serve', '-c', this.configPath], {
      env: { XDG_STATE_HOME: this.#dir, ...env, NODE_OPTIONS: '' },
      stdio: ['ignore', stdout, 'pipe', 'ipc'],
    });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    if (this.child.stdout !== null) {
      createInterface(this.child.stdout).on('line', (line) => {
        const parsed: unknown = JSON.parse(line);
        if (typeof parsed === 'object' && parsed !== null) this.lines.push({ ...parsed });
        for (const look of this.#waiters) look();
      });
    }
  }

  /** Replaces the configuration file. A string is written as it is. */
  write(config: unknown): void {
    writeFileSync(this.configPath, typeof config === 'string' ? config : JSON.stringify(config));
  }

  /** Resolves when it has said over IPC, as PM2 listens to, that it is ready. */
  async ready(): Promise<void> {
    const [message] = (await Promise.race([once(this.child, 'message'), once(this.child, 'exit').then(() => [null])])) as [unknown];
    if (message !== 'ready') throw new Error(`not ready: ${this.stderr}${JSON.stringify(this.lines)}`);
  }

  /** Resolves with the first log line for which `wanted` holds, seen already or still to come. */
  async line(wanted: (record: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#waiters.delete(look);
          resolve();
        };
        this.#waiters.add(look);
      });
    }
  }

  async url(): Promise<string> {
    return String((await this.line(({ message }) => message === 'listening'))['url']);
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves with the exit code, or the signal that ended it. */
  async exit(): Promise<number | string> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode ?? this.child.signalCode ?? 'unknown';
  }

  /** Ends it if it still runs, and removes its folder. */
  async cleanup(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
