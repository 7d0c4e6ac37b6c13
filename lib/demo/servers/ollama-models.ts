import type { CardMemory } from '../card.ts';
import type { Pause } from './pace.ts';
import { Semaphore } from './semaphore.ts';
import { ProcessMemory, Weights } from './weights.ts';

/** A model that has been pulled. */
export interface Model {
  readonly name: string;
  readonly mib: number;
  readonly parameters: string;
}

export const MODELS: readonly [Model, ...Model[]] = [
  { name: 'llama3.2:3b', mib: 4000, parameters: '3.2B' },
  { name: 'qwen2.5:0.5b', mib: 1000, parameters: '494.03M' },
];

const LOAD_MS = 1000;
/** The child process takes so long to exit after an unload. */
const EXIT_MS = 200;

/** A model that has a process of its own. */
export interface Runner {
  readonly model: Model;
  readonly weights: Weights;
  /** One request at a time (`OLLAMA_NUM_PARALLEL` 1). */
  readonly slot: Semaphore;
  /** Requests that hold it, waiting ones too. */
  users: number;
  usedAt: number;
  expiresAt: number;
  timer: NodeJS.Timeout | undefined;
  /** Set once it is on its way out. */
  exit: Promise<void> | undefined;
}

/** How a request uses a model. */
export interface Use {
  readonly model: Model;
  readonly keepAliveMs: number;
  readonly signal: AbortSignal;
}

/** Ollama's scheduler: loads on first use, unloads when idle, makes room for itself. */
export class Models {
  readonly #card: CardMemory;
  readonly #memory: ProcessMemory;
  readonly #pause: Pause;
  readonly #runners = new Map<string, Runner>();
  /** One load at a time; it holds up all others, as in the real one. */
  readonly #loads = new Semaphore(1);

  constructor(card: CardMemory, pause: Pause) {
    this.#card = card;
    this.#memory = new ProcessMemory(card, 'ollama');
    this.#pause = pause;
  }

  /** Loaded ones, and those that are stopping. */
  get loaded(): readonly Runner[] {
    return [...this.#runners.values()];
  }

  /**
   * Runs `work` with the model loaded.
   * @throws Error as CUDA words it when it does not fit, or the signal's reason.
   */
  async use(use: Use, work: () => Promise<void>): Promise<void> {
    const runner = await this.#loads.run(() => this.#acquire(use));
    try {
      await runner.slot.run(async () => {
        use.signal.throwIfAborted();
        await work();
      });
    } finally {
      runner.users -= 1;
      runner.usedAt = performance.now();
      this.#expireIn(runner, runner.expiresAt <= Date.now() ? 0 : use.keepAliveMs);
    }
  }

  /** Marks a model to be unloaded. Returns at once; running requests are waited for. */
  unload(model: Model): void {
    const runner = this.#runners.get(model.name);
    if (runner !== undefined) this.#expireIn(runner, 0);
  }

  async #acquire({ model, signal }: Use): Promise<Runner> {
    signal.throwIfAborted();
    const known = this.#runners.get(model.name);
    await known?.exit;
    const runner = known === undefined || known.exit !== undefined ? await this.#start(model, signal) : known;
    clearTimeout(runner.timer);
    runner.expiresAt = Number.POSITIVE_INFINITY;
    runner.users += 1;
    return runner;
  }

  async #start(model: Model, signal: AbortSignal): Promise<Runner> {
    const weights = new Weights({ memory: this.#memory, mib: model.mib, loadMs: LOAD_MS, pause: this.#pause });
    await this.#makeRoom((freeMib) => freeMib >= model.mib);
    try {
      await weights.load(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (this.#idle().length === 0) throw error;
      await this.#makeRoom(() => false);
      await weights.load(signal);
    }
    const runner = createRunner(model, weights);
    this.#runners.set(model.name, runner);
    return runner;
  }

  /** Unloads idle models, least recently used first, until `enough` says so. */
  async #makeRoom(enough: (freeMib: number) => boolean): Promise<void> {
    for (const runner of this.#idle()) {
      if (enough(this.#card.freeMib())) return;
      await this.#stop(runner);
    }
  }

  #idle(): Runner[] {
    return this.loaded.filter(({ users }) => users === 0).toSorted((a, b) => a.usedAt - b.usedAt);
  }

  /** Running requests keep it; the last of them comes here again. */
  #expireIn(runner: Runner, ms: number): void {
    clearTimeout(runner.timer);
    runner.expiresAt = Date.now() + ms;
    if (runner.users > 0 || ms === Number.POSITIVE_INFINITY) return;
    if (ms === 0) void this.#stop(runner);
    else runner.timer = setTimeout(() => void this.#stop(runner), Math.min(ms, 2 ** 31 - 1)).unref();
  }

  async #stop(runner: Runner): Promise<void> {
    clearTimeout(runner.timer);
    runner.exit ??= this.#pause(EXIT_MS).then(() => {
      runner.weights.unload();
      this.#runners.delete(runner.model.name);
    });
    await runner.exit;
  }
}

function createRunner(model: Model, weights: Weights): Runner {
  return { model, weights, slot: new Semaphore(1), users: 0, usedAt: 0, expiresAt: 0, timer: undefined, exit: undefined };
}
