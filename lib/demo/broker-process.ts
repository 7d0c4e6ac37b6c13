import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** One line of the daemon's log. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** How the demo starts the daemon. */
export interface BrokerProcessOptions {
  /** Path of `bin/mgpumanager.js`. */
  readonly bin: string;
  readonly config: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called with each line of its log. */
  readonly onLine: (record: LogRecord) => void;
}

/** The real daemon, started as a user would: `mgpumanager serve`. */
export class BrokerProcess {
  readonly #child: ChildProcess;
  readonly #listening: Promise<string>;

  constructor({ bin, config, env, onLine }: BrokerProcessOptions) {
    const child = spawn(process.execPath, [bin, 'serve', '--config', config], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#listening = promise;
    createInterface(child.stdout).on('line', (line) => {
      const record = parsed(line);
      if (record['message'] === 'listening') resolve(String(record['url']));
      onLine(record);
    });
    child.once('exit', (code) => reject(new DaemonEnded(code ?? 1)));
    // Whoever waits for it is told; nobody has to.
    promise.catch(() => undefined);
  }

  /** Where it listens. Rejects with DaemonEnded. */
  listening(): Promise<string> {
    return this.#listening;
  }

  /** Resolves with its exit code. */
  async exited(): Promise<number> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode ?? 1;
  }

  end(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** The daemon ended before it listened. */
export class DaemonEnded extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the daemon ended with exit code ${code}`);
    this.code = code;
  }
}

function parsed(line: string): LogRecord {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
