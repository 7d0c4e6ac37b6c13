import type { ComfyuiQuirks } from './comfyui-quirks.ts';
import type { Pause } from './pace.ts';
import { Weights } from './weights.ts';
import type { ProcessMemory } from './weights.ts';

/** All in all with a model; what the CUDA context holds without one; what the first use adds for good (workspaces of CUDA's libraries). MiB. */
const LOADED_MIB = 12_500;
export const CONTEXT_MIB = 400;
const WORKSPACE_MIB = 100;
const LEAK_MIB = 1500;
const LOAD_MS = 1200;
/** From the reading of the flag to free memory. */
const FREE_MS = 100;

/** What the model is made from. */
export interface ComfyModelOptions {
  readonly memory: ProcessMemory;
  readonly pause: Pause;
  readonly quirks: ComfyuiQuirks;
}

/** The checkpoint of the simulated ComfyUI. */
export class ComfyModel {
  readonly #options: ComfyModelOptions;
  readonly #weights: Weights;
  #wasUsed = false;
  #loading: Promise<void> | null = null;

  constructor(options: ComfyModelOptions) {
    this.#options = options;
    const { memory, pause } = options;
    this.#weights = new Weights({ memory, mib: LOADED_MIB - CONTEXT_MIB - WORKSPACE_MIB, loadMs: LOAD_MS, pause });
  }

  /** Resolves when no load is under way. */
  async settled(): Promise<void> {
    await this.#loading?.catch(() => undefined);
  }

  /**
   * Loads it, if it is not loaded.
   * @throws Error as CUDA words it, when it does not fit; nothing is held for it then.
   */
  async load(): Promise<void> {
    this.#loading = this.#load();
    try {
      await this.#loading;
    } finally {
      this.#loading = null;
    }
  }

  /** What /free does in the end. */
  async free(): Promise<void> {
    const { memory, pause, quirks } = this.#options;
    await pause(FREE_MS);
    if (quirks.free_ignored) return;
    const leaks = quirks.leaks && this.#weights.loaded;
    this.#weights.unload();
    if (leaks) memory.allocate(LEAK_MIB);
  }

  /** Records that sampling begins; what it returns ends it. */
  work(): () => void {
    return this.#options.memory.work('sample');
  }

  async #load(): Promise<void> {
    await this.#weights.load();
    if (this.#wasUsed) return;
    try {
      this.#options.memory.allocate(WORKSPACE_MIB);
    } catch (error) {
      this.#weights.unload();
      throw error;
    }
    this.#wasUsed = true;
  }
}
