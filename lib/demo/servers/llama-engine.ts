import type { Turn } from './llama-emit.ts';
import { LlamaMemory } from './llama-memory.ts';
import type { LlamaModel } from './llama-memory.ts';
import { Slots } from './llama-slots.ts';
import type { Slot } from './llama-slots.ts';
import { Door, Waiters } from './llama-wait.ts';
import type { Pause } from './pace.ts';
import type { ProcessMemory } from './weights.ts';

/** Slots of a model: what `--parallel` is by default. */
const SLOTS = 4;
/** `--sleep-idle-seconds`. */
const SLEEP_IDLE_MS = 60_000;
/** How long a router waits for a child that it has told to exit, and how long an idle one takes. */
const STOP_TIMEOUT_MS = 10_000;
const EXIT_MS = 150;

/** What an engine is made from. */
export interface EngineOptions {
  readonly memory: ProcessMemory;
  readonly model: LlamaModel;
  readonly pause: Pause;
  readonly quirks: { readonly sleep_when_idle: boolean; readonly sleep_keeps_context: boolean };
  /** The process died by itself. */
  readonly died: (error: unknown) => void;
  /** It fell asleep or woke up. */
  readonly changed?: () => void;
}

/** A process of llama.cpp with one model: loads once, sleeps perhaps, computes in slots, and ends. */
export class LlamaEngine {
  readonly slots = new Slots(SLOTS);
  /** Tokens made so far. */
  predictedTokens = 0;
  readonly #options: EngineOptions;
  readonly #memory: LlamaMemory;
  readonly #killer = new AbortController();
  /** Closed for good once the process has been told to exit: nothing is computed any more. */
  readonly #flow = new Door();
  readonly #drained = new Waiters();
  #users = 0;
  #asleep = false;
  #rest = new AbortController();
  #waking: Promise<void> | undefined;
  #exit: Promise<number> | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#memory = new LlamaMemory(options.memory, options.model, options.pause);
  }

  get model(): LlamaModel {
    return this.#options.model;
  }

  get loaded(): boolean {
    return this.#asleep || this.#memory.loaded;
  }

  get asleep(): boolean {
    return this.#asleep;
  }

  /** Whether it has been told to exit. Its port is closed then. */
  get stopping(): boolean {
    return this.#exit !== undefined;
  }

  get killed(): boolean {
    return this.#killer.signal.aborted;
  }

  /**
   * Loads the model.
   * @throws Error as CUDA words it when it does not fit, or that it was killed; nothing is held then.
   */
  async load(): Promise<void> {
    try {
      await this.#memory.load(this.#killer.signal);
    } catch (error) {
      this.kill();
      throw error;
    }
    this.#restLater();
  }

  /**
   * Runs `work` in a slot, and wakes the model before that. `job` is its name in the card's record.
   * @throws the client's reason when it leaves, or Error when the process is killed.
   */
  async run(job: string, client: AbortSignal, work: (turn: Turn) => Promise<void>): Promise<void> {
    const signal = AbortSignal.any([client, this.#killer.signal]);
    this.#users += 1;
    this.#rest.abort();
    try {
      await this.#wake();
      const slot = await this.slots.take(signal);
      await this.#compute(work, { job, slot, signal });
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#drained.all();
      this.#restLater();
    }
  }

  /** The slots as the loop that computes knows them. To ask it counts as use: a sleeping model wakes, and an idle one sleeps later. */
  async look(): Promise<readonly Slot[]> {
    await this.#wake();
    this.#restLater();
    return this.slots.all;
  }

  /** Tells it to exit. Resolves with its exit code when it is gone; with `stalls` running work stands still and is killed in the end. */
  async stop(stalls: boolean): Promise<number> {
    this.#exit ??= this.#stopOnce(stalls);
    return this.#exit;
  }

  /** Ends it at once. */
  kill(): void {
    this.#killer.abort(new Error('killed'));
    this.#rest.abort();
    this.#memory.unload();
  }

  async #compute(work: (turn: Turn) => Promise<void>, { job, slot, signal }: Computation): Promise<void> {
    const done = this.#memory.work(job);
    const tick = async (ms: number): Promise<void> => {
      await this.#options.pause(ms, signal);
      if (!this.#flow.isOpen) done();
      await this.#flow.pass(signal);
    };
    const produced = (): void => {
      slot.decoded += 1;
      this.predictedTokens += 1;
    };
    try {
      await work({ tick, produced, done });
    } finally {
      done();
      this.slots.release(slot);
    }
  }

  /** Brings a sleeping model back. A process that cannot dies. */
  async #wake(): Promise<void> {
    if (!this.#asleep) return;
    this.#waking ??= this.#wakeOnce().finally(() => (this.#waking = undefined));
    await this.#waking;
  }

  async #wakeOnce(): Promise<void> {
    try {
      await this.#memory.load(this.#killer.signal);
    } catch (error) {
      const byItself = !this.killed;
      this.kill();
      if (byItself) this.#options.died(error);
      throw error;
    }
    this.#asleep = false;
    this.#options.changed?.();
  }

  #restLater(): void {
    if (!this.#options.quirks.sleep_when_idle || this.#isNeeded()) return;
    this.#rest.abort();
    this.#rest = new AbortController();
    this.#options.pause(SLEEP_IDLE_MS, this.#rest.signal).then(() => this.#fallAsleep(), () => undefined);
  }

  #isNeeded(): boolean {
    return this.#users > 0 || this.stopping || this.killed;
  }

  #fallAsleep(): void {
    if (this.#isNeeded()) return;
    if (this.#options.quirks.sleep_keeps_context) this.#memory.unloadWeights();
    else this.#memory.unload();
    this.#asleep = true;
    this.#options.changed?.();
  }

  async #stopOnce(stalls: boolean): Promise<number> {
    this.#rest.abort();
    if (stalls) this.#flow.close();
    const over = new AbortController();
    const drained = this.#users === 0 ? Promise.resolve() : this.#drained.wait(over.signal);
    await (stalls ? Promise.race([drained, this.#options.pause(STOP_TIMEOUT_MS, over.signal)]) : drained);
    over.abort();
    const exitCode = this.#users === 0 ? 0 : 1;
    if (exitCode === 0) await this.#options.pause(EXIT_MS);
    this.kill();
    return exitCode;
  }
}

interface Computation {
  readonly job: string;
  readonly slot: Slot;
  readonly signal: AbortSignal;
}
