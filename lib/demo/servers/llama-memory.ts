import type { Pause } from './pace.ts';
import { Weights } from './weights.ts';
import type { ProcessMemory } from './weights.ts';

/** A model file. Memory in MiB. */
export interface LlamaModel {
  readonly name: string;
  /** Weights, KV cache and CUDA context. */
  readonly mib: number;
  /** The CUDA context alone. */
  readonly contextMib: number;
}

const LOAD_MS = 1500;

/** What one process of llama.cpp holds on the card. */
export class LlamaMemory {
  readonly #memory: ProcessMemory;
  readonly #model: LlamaModel;
  readonly #weights: Weights;
  #contextMib = 0;

  constructor(memory: ProcessMemory, model: LlamaModel, pause: Pause) {
    this.#memory = memory;
    this.#model = model;
    this.#weights = new Weights({ memory, mib: model.mib - model.contextMib, loadMs: LOAD_MS, pause });
  }

  get loaded(): boolean {
    return this.#weights.loaded;
  }

  /**
   * Takes what is missing.
   * @throws Error as CUDA words it when it does not fit, or the signal's reason; only the context is held then.
   */
  async load(signal: AbortSignal): Promise<void> {
    if (this.#contextMib === 0) {
      this.#memory.allocate(this.#model.contextMib);
      this.#contextMib = this.#model.contextMib;
    }
    await this.#weights.load(signal);
  }

  unloadWeights(): void {
    this.#weights.unload();
  }

  unload(): void {
    this.#weights.unload();
    this.#memory.free(this.#contextMib);
    this.#contextMib = 0;
  }

  /** See `ProcessMemory.work`. */
  work(job: string): () => void {
    return this.#memory.work(job);
  }
}
