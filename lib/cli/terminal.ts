import { setTimeout as delay } from 'node:timers/promises';
import type { WriteStream } from 'node:tty';
import type { Env } from '../config/env.ts';
import { wantsAscii } from './screen.ts';
import { ownAscii } from './words.ts';

/** What the commands need of the world around them. */
export interface Terminal {
  /** Writes the result of a command. */
  out(text: string): void;
  /** Writes a diagnostic. */
  err(text: string): void;
  readonly color: boolean;
  /** Characters on a line; null where the output is no terminal. */
  readonly width: number | null;
  now(): Date;
  /** Waits; false: there is no point in going on. */
  pause(ms: number): Promise<boolean>;
}

/** The terminal that the process was started in. */
export function processTerminal(env: Env): Terminal {
  const { stdout, stderr } = process;
  const shownOn = ({ isTTY }: WriteStream, text: string): string => (isTTY && wantsAscii(env) ? ownAscii(text) : text);
  let isGuarded = false;
  let isErrGuarded = false;
  return {
    out: (text) => {
      // Only for a command that prints its result: the daemon's log has its own way with a reader that is gone.
      if (!isGuarded) endQuietlyOnBrokenPipe();
      isGuarded = true;
      stdout.write(shownOn(stdout, text));
    },
    err: (text) => {
      // Nobody may be left to read it; what this process does for others must not end with that.
      if (!isErrGuarded) stderr.on('error', () => undefined);
      isErrGuarded = true;
      stderr.write(shownOn(stderr, text));
    },
    color: wantsColor(env, stdout.isTTY),
    get width() {
      return stdout.isTTY ? stdout.columns : null;
    },
    now: () => new Date(),
    pause: async (ms) => {
      await delay(ms);
      return true;
    },
  };
}

/** NO_COLOR wins, then FORCE_COLOR; else colour is for terminals that know it. */
export function wantsColor(env: Env, isTerminal: boolean): boolean {
  const { NO_COLOR: no = '', FORCE_COLOR: force = '', TERM: term } = env;
  if (no !== '') return false;
  if (force !== '') return force !== '0' && force !== 'false';
  return isTerminal && term !== 'dumb';
}

/** A reader that has seen enough (`| head`) is no error. */
function endQuietlyOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
