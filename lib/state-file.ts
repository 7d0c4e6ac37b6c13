import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errorCode } from './error-code.ts';
import type { Logger } from './logger.ts';

/** What survives a restart. */
export interface KeptState {
  /** Largest measured footprints, MiB by consumer and address. */
  readonly footprints: Readonly<Record<string, number>>;
  /** Since when and by whom the card is paused; null: it is not. */
  readonly paused: { readonly since: string; readonly by: string } | null;
}

export const NOTHING_KEPT: KeptState = { footprints: {}, paused: null };

/** Where the state of a card is kept unless the configuration says otherwise; PM2 and shells know no state folder. */
export function defaultStateFile(device: number, env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), `gpu${device}.json`);
}

/** Where programs keep what survives a restart: https://specifications.freedesktop.org/basedir/latest/, or as systemd says it. */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  return env['STATE_DIRECTORY'] ?? join(env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state'), 'mgpumanager');
}

/** A small file that is replaced as a whole, so that a crash in the middle of writing leaves the old one. */
export class StateFile {
  readonly #path: string;
  readonly #logger: Logger;
  #next: KeptState | null = null;
  #writing: Promise<void> | null = null;
  #hasFailed = false;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** What was kept; nothing if there is no file, or none that can be understood. */
  load(): KeptState {
    try {
      return stateIn(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#logger.warn('the state file cannot be read; it is begun anew', { file: this.#path, error: String(error) });
      return NOTHING_KEPT;
    }
  }

  /** Keeps a state, soon; of several in a row only the last is written. Never throws. */
  save(state: KeptState): void {
    this.#next = state;
    this.#writing ??= this.#write().finally(() => (this.#writing = null));
  }

  /** Resolves when everything saved is on the disk, or could not be written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#next !== null) {
      const state = this.#next;
      this.#next = null;
      try {
        await replaceFile(this.#path, `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`);
        this.#hasFailed = false;
      } catch (error) {
        if (!this.#hasFailed) this.#logger.warn('the state file cannot be written; a restart will know less', { file: this.#path, error: String(error) });
        this.#hasFailed = true;
      }
    }
  }
}

/** Beside the file, on the disk, and then in its place. */
async function replaceFile(path: string, text: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  try {
    const file = await open(unfinished, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Takes what can be understood, so that one bad entry costs only itself. */
function stateIn(value: unknown): KeptState {
  const { footprints, paused } = recordOf(value);
  const entries = Object.entries(recordOf(footprints)).flatMap(([key, mib]) => (typeof mib === 'number' && mib > 0 ? [[key, mib] as const] : []));
  const { since, by } = recordOf(paused);
  const isPaused = typeof since === 'string' && typeof by === 'string' && !Number.isNaN(Date.parse(since));
  return { footprints: Object.fromEntries(entries), paused: isPaused ? { since, by } : null };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
