import { LlamaEngine } from './llama-engine.ts';
import type { EngineOptions } from './llama-engine.ts';
import { llamaError } from './llama-http.ts';
import type { LlamaModel } from './llama-memory.ts';
import { Waiters } from './llama-wait.ts';

/** What a router says of a model. */
export type Status = 'unloaded' | 'loading' | 'loaded' | 'sleeping';

/** A model of a router, and the process that serves it. */
export interface Entry {
  readonly model: LlamaModel;
  status: Status;
  /** Of the process before; 1 when it failed or was killed. */
  exitCode: number;
  /** Its process; null: it has none. */
  engine: LlamaEngine | null;
  /** When it was last asked or loaded, by `performance.now()`. */
  usedAt: number;
}

/** A change, as the router's event stream tells it. */
export interface ModelEvent {
  readonly model: string;
  readonly event: 'model_status' | 'status_change';
  readonly data: { readonly status: Status; readonly exit_code?: number };
}

/** What the models are made from. */
export interface ModelsOptions extends Pick<EngineOptions, 'memory' | 'pause'> {
  readonly models: readonly LlamaModel[];
  readonly quirks: EngineOptions['quirks'] & { readonly one_model: boolean; readonly unload_kills_running: boolean };
  readonly notify: (event: ModelEvent) => void;
}

/** The models of a router: each loaded into a process of its own, and gone with it. */
export class RouterModels {
  readonly all: readonly Entry[];
  readonly #options: ModelsOptions;
  readonly #changes = new Waiters();

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.all = options.models.map((model) => ({ model, status: 'unloaded', exitCode: 0, engine: null, usedAt: 0 }));
  }

  find(name: unknown): Entry | undefined {
    return this.all.find(({ model }) => model.name === name);
  }

  /** Begins a load; resolves when it has begun. Does nothing when the model has a process. */
  async load(entry: Entry): Promise<void> {
    await this.#makeRoomFor(entry);
    if (entry.engine !== null) return;
    const engine = this.#start(entry);
    entry.usedAt = performance.now();
    this.#set(entry, 'loading', 'model_status');
    engine.load().then(
      () => this.#set(entry, 'loaded'),
      () => this.#gone(entry, engine, 1),
    );
  }

  /** Tells its process to exit; one that still loads is killed. Returns at once. */
  unload({ engine, status }: Entry): void {
    if (engine === null) return;
    if (status === 'loading') engine.kill();
    else void this.#stop(engine);
  }

  /**
   * The process of a model, loaded; `mayLoad`: if need be it is loaded now.
   * @throws Refusal when it is not loaded, or does not load.
   */
  async ready(entry: Entry, mayLoad: boolean): Promise<LlamaEngine> {
    if (entry.engine === null && !mayLoad) throw llamaError('invalid_request_error', 'model is not loaded');
    await this.load(entry);
    while (entry.status === 'loading') await this.#changes.wait();
    if (entry.engine === null) throw llamaError('server_error', `model name=${entry.model.name} failed to load`);
    return entry.engine;
  }

  #start(entry: Entry): LlamaEngine {
    const { memory, pause, quirks } = this.#options;
    const engine: LlamaEngine = new LlamaEngine({
      memory,
      model: entry.model,
      pause,
      quirks,
      died: () => this.#gone(entry, engine, 1),
      changed: () => this.#set(entry, engine.asleep ? 'sleeping' : 'loaded'),
    });
    entry.engine = engine;
    return engine;
  }

  async #stop(engine: LlamaEngine): Promise<void> {
    const exitCode = await engine.stop(this.#options.quirks.unload_kills_running);
    const entry = this.all.find((one) => one.engine === engine);
    if (entry !== undefined) this.#gone(entry, engine, exitCode);
  }

  #gone(entry: Entry, engine: LlamaEngine, exitCode: number): void {
    if (entry.engine !== engine) return;
    entry.engine = null;
    entry.exitCode = exitCode;
    this.#set(entry, 'unloaded');
  }

  #set(entry: Entry, status: Status, event: ModelEvent['event'] = 'status_change'): void {
    entry.status = status;
    const exit = status === 'unloaded' ? { exit_code: entry.exitCode } : {};
    this.#options.notify({ model: entry.model.name, event, data: { status, ...exit } });
    this.#changes.all();
  }

  /** Unloads by count, whatever the card has room for. */
  async #makeRoomFor(entry: Entry): Promise<void> {
    if (!this.#options.quirks.one_model) return;
    while (entry.engine === null) {
      const [oldest] = this.all.filter(({ engine }) => engine !== null).toSorted((a, b) => a.usedAt - b.usedAt);
      if (oldest === undefined) return;
      this.unload(oldest);
      await this.#changes.wait();
    }
  }
}
