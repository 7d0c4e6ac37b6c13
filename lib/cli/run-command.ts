import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Env } from '../config/env.ts';
import { exitCodeOf, type CaughtSignals } from './signals.ts';
import type { Terminal } from './terminal.ts';

/** What a shell says of a command that is not there, and of one that cannot be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;

/** A command with what it is to find around it. */
export interface CommandSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Env;
  readonly signals: CaughtSignals;
}

/** Runs a command on this process's own standard streams and passes signals on to it. Resolves to the exit code as a shell says it. */
export async function runCommand({ command, args, env, signals }: CommandSettings, terminal: Terminal): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env });
  const untell = signals.tell((signal) => passOn(signal, child));
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : exitCodeOf(signal)));
  // Also when a signal cannot be sent, as to another user's process; that is no end.
  child.on('error', (error) => {
    if (child.pid === undefined) resolve(notStarted(command, error, terminal));
  });
  return promise.finally(untell);
}

/** A terminal sends Ctrl-C to the command as well; twice would make many programs drop everything. */
function passOn(signal: NodeJS.Signals, child: ChildProcess): void {
  if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
}

function notStarted(command: string, error: NodeJS.ErrnoException, terminal: Terminal): number {
  const isMissing = error.code === 'ENOENT';
  terminal.err(`mgpumanager: ${command}: ${isMissing ? 'command not found' : `cannot be run (${error.code ?? error.message})`}\n`);
  return isMissing ? NOT_FOUND : NOT_RUNNABLE;
}
