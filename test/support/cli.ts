import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from '../../lib/cli/main.ts';
import type { Terminal } from '../../lib/cli/terminal.ts';
import type { Env } from '../../lib/config/env.ts';

/** What a command line did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export const NOW = new Date('2026-11-21T12:00:00Z');

/** How a test wants the terminal to be. */
export interface TerminalSettings {
  readonly env?: Env;
  readonly color?: boolean;
  readonly width?: number | null;
  /** Called at each pause of `--watch`; false ends it. */
  readonly pause?: () => Promise<boolean>;
}

/** Runs one command line in this process. */
export async function runCli(argv: readonly string[], settings: TerminalSettings = {}): Promise<Outcome> {
  const { env = {}, color = false, width = null, pause = async () => false } = settings;
  const written = { out: '', err: '' };
  const terminal: Terminal = {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    color,
    width,
    now: () => NOW,
    pause,
  };
  const code = await run(argv, terminal, env);
  return { code, ...written };
}

/** A command line that runs in a process of its own. */
export interface CliProcess {
  readonly pid: number;
  /** What it and the command in it have written so far. */
  readonly written: { out: string; err: string };
  /** Resolves when it has ended and nobody writes any more; `code` is the signal's name if one ended it. */
  readonly ended: Promise<{ readonly code: number | string; readonly out: string; readonly err: string }>;
  signal(signal: NodeJS.Signals): void;
}

const MAIN = pathToFileURL(join(import.meta.dirname, '..', '..', 'lib', 'cli', 'main.ts')).href;

/** Starts one command line in a process of its own, from the sources. */
export function startCli(argv: readonly string[], env: NodeJS.ProcessEnv = {}): CliProcess {
  const program = `const { main } = await import(${JSON.stringify(MAIN)}); await main(${JSON.stringify(argv)});`;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.err += text));
  const ended = once(child, 'close').then(() => ({ code: child.exitCode ?? child.signalCode ?? '?', ...written }));
  return { pid: child.pid ?? 0, written, ended, signal: (signal) => void child.kill(signal) };
}
