import type { CardMemory } from '../card.ts';
import type { RunnerOptions } from './ollama-options.ts';
import type { OllamaQuirks } from './ollama-quirks.ts';
import { Failure } from './ollama-reply.ts';
import { createRunner, hold, release, spent } from './ollama-runner.ts';
import type { Runner } from './ollama-runner.ts';
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
/** The child process takes so long to exit after an unload; then Ollama looks each 250 ms whether its memory is back. */
const EXIT_MS = 200;
const LOOK_MS = 250;
/** How long after that the memory comes back when it is late. */
const LATE_MS = 500;
/** `OLLAMA_MAX_QUEUE`: its default, and a small one. */
const MAX_QUEUE = 512;
const SMALL_QUEUE = 2;
const BUSY = 'server busy, please try again.  maximum pending requests exceeded';

/** How a request uses a model. */
export interface Use {
  readonly model: Model;
  readonly keepAliveMs: number;
  readonly options: RunnerOptions;
  readonly signal: AbortSignal;
}

/** What the scheduler is made from. */
export interface ModelsOptions {
  readonly card: CardMemory;
  readonly pause: Pause;
  readonly quirks: OllamaQuirks;
}

/** Ollama's scheduler: loads on first use, unloads when idle, makes room for itself. */
export class Models {
  readonly #options: ModelsOptions;
  readonly #memory: ProcessMemory;
  readonly #runners = new Map<string, Runner>();
  /** One load at a time; it holds up all others, as in the real one. */
  readonly #loads = new Semaphore(1);
  readonly #loading = new Map<Model, Promise<void>>();
  #waiting = 0;

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#memory = new ProcessMemory(options.card, 'ollama');
  }

  /** Records that generation begins; what it returns ends it. */
  work(job: string): () => void {
    return this.#memory.work(job);
  }

  /** Loaded models, those that are stopping too. May take as long as an unload. */
  async loaded(): Promise<readonly Runner[]> {
    if (this.#options.quirks.ps_hangs_while_unloading) await Promise.all(this.#all().map(async ({ exit }) => exit));
    return this.#all();
  }

  /** Models that load, if they are listed already. */
  get listedEarly(): readonly Model[] {
    return this.#options.quirks.early_listing ? [...this.#loading.keys()] : [];
  }

  /**
   * Runs `work` with the model loaded.
   * @throws Error as CUDA words it when it does not fit, `Failure` when too many wait for a load, or the signal's reason.
   */
  async use(use: Use, work: () => Promise<void>): Promise<void> {
    if (this.#waiting > (this.#options.quirks.small_queue ? SMALL_QUEUE : MAX_QUEUE)) throw new Failure(503, BUSY);
    this.#waiting += 1;
    const runner = await this.#loads.run(() => this.#acquire(use)).finally(() => (this.#waiting -= 1));
    try {
      await runner.slot.run(async () => {
        use.signal.throwIfAborted();
        await work();
      });
    } finally {
      release(runner);
      this.#expireIn(runner, runner.expiresAt <= Date.now() ? 0 : use.keepAliveMs);
    }
  }

  /** Marks a model to be unloaded; running requests are waited for, but not here. A load under way may be. */
  async unload(model: Model): Promise<void> {
    if (this.#options.quirks.unload_waits_for_load) await this.#loading.get(model)?.catch(() => undefined);
    const runner = this.#runners.get(model.name);
    if (runner !== undefined) this.#expireIn(runner, 0);
  }

  async #acquire(use: Use): Promise<Runner> {
    use.signal.throwIfAborted();
    const known = this.#runners.get(use.model.name);
    if (known === undefined) return this.#start(use);
    const fits = !this.#options.quirks.options_reload || known.options.key === use.options.key;
    if (known.exit === undefined && fits) return hold(known);
    await spent(known);
    await this.#stop(known);
    return this.#start(use);
  }

  async #start({ model, options, signal }: Use): Promise<Runner> {
    const { pause, quirks } = this.#options;
    const weights = new Weights({ memory: this.#memory, mib: model.mib, loadMs: LOAD_MS, pause });
    const loading = this.#load(weights, quirks.load_dies_with_its_client ? signal : undefined);
    this.#loading.set(model, loading);
    try {
      await loading;
    } finally {
      this.#loading.delete(model);
    }
    const runner = createRunner(model, weights, options);
    this.#runners.set(model.name, runner);
    return runner;
  }

  /** What does not fit at first is tried once more when all others are gone. */
  async #load(weights: Weights, signal: AbortSignal | undefined): Promise<void> {
    await this.#makeRoom((freeMib) => freeMib >= weights.mib);
    try {
      await weights.load(signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (this.#idle().length === 0) throw error;
      await this.#makeRoom(() => false);
      await weights.load(signal);
    }
  }

  /** Unloads idle models, least recently used first, until `enough` says so. */
  async #makeRoom(enough: (freeMib: number) => boolean): Promise<void> {
    for (const runner of this.#idle()) {
      if (enough(this.#options.card.freeMib())) return;
      await this.#stop(runner);
    }
  }

  #all(): readonly Runner[] {
    return [...this.#runners.values()];
  }

  #idle(): readonly Runner[] {
    return this.#all().filter(({ users }) => users === 0).toSorted((a, b) => a.usedAt - b.usedAt);
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
    runner.exit ??= this.#end(runner);
    await runner.exit;
  }

  async #end({ model, weights }: Runner): Promise<void> {
    const { pause, quirks } = this.#options;
    await pause(EXIT_MS);
    if (!quirks.memory_returns_late) weights.unload();
    await pause(LOOK_MS);
    this.#runners.delete(model.name);
    if (!quirks.memory_returns_late) return;
    await pause(LATE_MS);
    weights.unload();
  }
}
