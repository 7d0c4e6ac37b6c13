import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { errorCode } from '../error-code.ts';

/** How a program is run. Times are in ms. */
export interface OneShotOptions {
  readonly command: string;
  /** Environment of the program; PATH in it says where the program is. */
  readonly env: NodeJS.ProcessEnv;
  /** Time for the program; then it is killed. */
  readonly limitMs: number;
  /** Sends SIGKILL. Another one stands in where a test needs a process that survives it, as one in D state does. */
  readonly kill?: ((child: ChildProcess) => void) | undefined;
}

/** What the program printed, or why there is nothing. */
export type Output =
  | { readonly ok: true; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly ok: false; readonly error: string };

type End = { readonly type: 'closed'; readonly code: number | null } | { readonly type: 'given up'; readonly error: string };

/** A machine with 16 cards and hundreds of processes prints some 20 KiB. */
const MAX_OUTPUT_BYTES = 256 * 1024;
/** A process that can die of SIGKILL does so in far less, also on a busy machine. */
const KILL_GRACE_MS = 500;

/**
 * Runs one program again and again, never two at once. A run that takes too long or prints too much is killed, with its
 * children. One that survives even that (D state: the driver hangs) is given up, and nothing is started until it is gone.
 */
export class OneShot {
  readonly #options: OneShotOptions;
  #child: ChildProcess | null = null;
  #running: Promise<Output> | null = null;
  #giveUp: ((error: string) => void) | null = null;
  #stopped = false;

  constructor(options: OneShotOptions) {
    this.#options = options;
  }

  /** Runs the program once. Never rejects. */
  async run(args: readonly string[]): Promise<Output> {
    const { command, env } = this.#options;
    if (this.#stopped) return { ok: false, error: `${command} is not started any more` };
    if (this.#child !== null) return { ok: false, error: `${command} (pid ${this.#child.pid}) hangs and cannot be killed` };
    try {
      const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      this.#watch(child);
      this.#running = this.#outputOf(child);
      return await this.#running;
    } catch (error) {
      // Node throws some failures of a start (a broken binary: ENOEXEC) and emits others.
      return { ok: false, error: startError(command, error) };
    }
  }

  /** Kills the program for good. Resolves when it is gone, or within about a second if nothing can end it. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#giveUp?.('stopped');
    await this.#running?.catch(() => undefined);
    if (this.#child !== null) await this.#kill(this.#child);
  }

  async #outputOf(child: ChildProcess): Promise<Output> {
    const [stdout, stderr] = [this.#collect(child.stdout), this.#collect(child.stderr)];
    const end = await this.#endOf(child);
    if (end.type === 'given up') {
      await this.#kill(child);
      return { ok: false, error: end.error };
    }
    if (end.code === null) return { ok: false, error: `${this.#options.command} was killed by a signal` };
    return { ok: true, code: end.code, stdout: stdout(), stderr: stderr() };
  }

  /** Settles on whichever comes first: the end of the output, a failed start, the time limit, too much output, `stop`. */
  #endOf(child: ChildProcess): Promise<End> {
    const { command, limitMs } = this.#options;
    return new Promise((resolve) => {
      const settle = (end: End): void => {
        clearTimeout(timer);
        resolve(end);
      };
      const giveUp = (error: string): void => settle({ type: 'given up', error });
      const timer = setTimeout(giveUp, limitMs, `${command} did not answer within ${limitMs / 1000} s`).unref();
      this.#giveUp = giveUp;
      child.once('error', (error) => giveUp(startError(command, error)));
      child.once('close', (code) => settle({ type: 'closed', code }));
    });
  }

  /** Kills what may still run and waits a little for it to go. The child may have ended while its own child holds the pipe. */
  async #kill(child: ChildProcess): Promise<void> {
    child.stdout?.destroy();
    child.stderr?.destroy();
    (this.#options.kill ?? killGroup)(child);
    if (this.#child === child) await exitOf(child, KILL_GRACE_MS);
  }

  /** Remembers a child until it is gone. It holds up no exit of ours, and does not outlive one. */
  #watch(child: ChildProcess): void {
    if (child.pid === undefined) return;
    const kill = (): void => killGroup(child);
    this.#child = child;
    child.unref();
    process.once('exit', kill);
    child.once('exit', () => {
      process.off('exit', kill);
      this.#child = null;
    });
  }

  #collect(stream: ChildProcess['stdout']): () => string {
    const chunks: Buffer[] = [];
    let bytes = 0;
    if (stream instanceof Socket) stream.unref();
    stream?.on('error', () => undefined);
    stream?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT_BYTES) this.#giveUp?.(`${this.#options.command} printed more than ${MAX_OUTPUT_BYTES} bytes`);
      else chunks.push(chunk);
    });
    return () => Buffer.concat(chunks).toString();
  }
}

/** Resolves when the child has ended, or after `limitMs`. */
function exitOf(child: ChildProcess, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The child leads a process group of its own, so that what it started dies with it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

function startError(command: string, error: unknown): string {
  const code = errorCode(error);
  return code === 'ENOENT' ? `${command} was not found on PATH` : `${command} could not be started: ${code ?? String(error)}`;
}
