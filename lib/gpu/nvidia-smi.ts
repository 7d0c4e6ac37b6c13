import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../clock.ts';
import type { Attribution, GpuProcess, Reading } from '../core/model.ts';
import { OneShot } from './one-shot.ts';
import type { Output } from './one-shot.ts';
import { CARD_FIELDS, PROCESS_FIELDS, parseCard, parseProcesses, remarkIn } from './parse.ts';
import type { CardState, ParsedCard } from './parse.ts';

/** What a reading says of the use of the card: every process on it, and the MiB used in all. */
export interface CardUse {
  readonly processes: readonly GpuProcess[];
  readonly usedMib: number | null;
}

/** Tells which consumer holds what; null: cannot be told. */
export type Attribute = (use: CardUse) => Promise<Attribution | null>;

export interface NvidiaSmiOptions {
  /** Index of the card. */
  readonly device: number;
  readonly clock: Clock;
  readonly attribute: Attribute;
  /** Environment of nvidia-smi, which is looked for on its PATH. Default: the daemon's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Time for each of the two calls of a reading, ms. Default: 3000. */
  readonly limitMs?: number;
  /** See `OneShotOptions`. */
  readonly kill?: ((child: ChildProcess) => void) | undefined;
}

/** Without persistence mode each call initializes the driver, which takes 1 to 2 s. */
const LIMIT_MS = 3000;

/** Reads one card with nvidia-smi. */
export class NvidiaSmi {
  readonly #options: NvidiaSmiOptions;
  readonly #program: OneShot;

  constructor(options: NvidiaSmiOptions) {
    const { env = process.env, limitMs = LIMIT_MS, kill } = options;
    this.#options = options;
    this.#program = new OneShot({ command: 'nvidia-smi', env: { ...env, LC_ALL: 'C' }, limitMs, kill });
  }

  /** One reading. Never rejects: an answer that makes no sense is a failed reading whose error says what was wrong. */
  async read(): Promise<Reading> {
    const { clock, device } = this.#options;
    const startedAt = clock.now();
    const output = await this.#query(`--query-gpu=${CARD_FIELDS}`);
    const parsed = output.ok ? cardIn(output, device) : output;
    if (!parsed.ok) return { ok: false, startedAt, error: parsed.error };
    const processes = await this.#processesOn(parsed.card);
    const attribution = processes === null ? null : await this.#options.attribute({ processes, usedMib: parsed.card.usedMib });
    const freeMib = freeWith(processes ?? [], parsed.card);
    return { ok: true, sample: { startedAt, takenAt: clock.wall(), ...parsed.card, freeMib, attribution } };
  }

  /** Ends a reading under way. Resolves when nvidia-smi is gone, or within about a second if nothing can end it. */
  stop(): Promise<void> {
    return this.#program.stop();
  }

  /** A reading stands without them: then nobody knows who holds the memory. */
  async #processesOn(card: CardState): Promise<readonly GpuProcess[] | null> {
    if (card.uuid === null) return null;
    const output = await this.#query(`--query-compute-apps=${PROCESS_FIELDS}`);
    return output.ok && output.code === 0 ? parseProcesses(output.stdout, card.uuid) : null;
  }

  #query(query: string): Promise<Output> {
    return this.#program.run(['-i', String(this.#options.device), query, '--format=csv,noheader,nounits']);
  }
}

/** MiB free when the processes were listed: what they have taken since the card was read, as they do while they load, is not free any more. */
function freeWith(processes: readonly GpuProcess[], { usedMib, freeMib }: CardState): number {
  const heldMib = processes.reduce((total, process) => total + (process.usedMib ?? 0), 0);
  return usedMib === null ? freeMib : Math.max(0, freeMib - Math.max(0, heldMib - usedMib));
}

/**
 * nvidia-smi also fails because of another card: a good row of ours stands whatever the exit code says. Its own errors go to
 * stdout, those of the loader to stderr.
 */
function cardIn(output: Extract<Output, { ok: true }>, device: number): ParsedCard {
  const parsed = parseCard(output.stdout, device);
  if (parsed.ok) return parsed;
  const said = (output.stdout === '' ? remarkIn(output.stderr) : null) ?? parsed.error;
  return { ok: false, error: output.code === 0 ? `nvidia-smi: ${said}` : `nvidia-smi: ${said} (exit ${output.code})` };
}
