import type { Pause } from './pace.ts';
import type { ProcessMemory } from './weights.ts';

/** What can leave the card while the engine sleeps. */
export type Tag = 'weights' | 'kv_cache';

/** MiB of each; the KV cache fills the share that `--gpu-memory-utilization` reserves. */
const PART_MIB: Readonly<Record<Tag, number>> = { weights: 3800, kv_cache: 2000 };
/** The CUDA context and graphs, which stay asleep or awake. MiB. */
const RESIDUAL_MIB = 1200;
export const TAGS: readonly Tag[] = ['weights', 'kv_cache'];
/** All in all, awake. MiB. */
export const AWAKE_MIB = PART_MIB.weights + PART_MIB.kv_cache + RESIDUAL_MIB;

/** Mapping is seen growing in so many steps. */
const STEPS = 8;

/** How memory is given back and taken again. */
export interface SleepingQuirks {
  /** Memory that a wake-up had taken before it failed is lost until the process ends. */
  readonly wake_leaks: boolean;
  /** The context stays while the engine sleeps. */
  readonly residual_stays: boolean;
}

/** The memory of vLLM: reserved at the start, and given back in part while it sleeps. */
export class SleepingMemory {
  readonly #memory: ProcessMemory;
  readonly #quirks: SleepingQuirks;
  readonly #mapped = new Set<Tag>();
  #residualMib = 0;

  constructor(memory: ProcessMemory, quirks: SleepingQuirks) {
    this.#memory = memory;
    this.#quirks = quirks;
  }

  get isWhole(): boolean {
    return this.#mapped.size === TAGS.length;
  }

  /**
   * Takes the memory of `tags` that is not there, within `ms`. Recorded as work, `load`.
   * @throws Error as CUDA words it, when less is free. No tag of this call is mapped then.
   */
  async map(tags: readonly Tag[], ms: number, pause: Pause): Promise<void> {
    const missing = tags.filter((tag) => !this.#mapped.has(tag));
    const end = this.#memory.work('load');
    try {
      this.#takeResidual();
      await this.#grow(missing.reduce((sum, tag) => sum + PART_MIB[tag], 0), ms, pause);
    } finally {
      end();
    }
    for (const tag of missing) this.#mapped.add(tag);
  }

  /** Gives back all that may leave while it sleeps. */
  unmap(): void {
    for (const tag of this.#mapped) this.#memory.free(PART_MIB[tag]);
    this.#mapped.clear();
    if (this.#quirks.residual_stays) return;
    this.#memory.free(this.#residualMib);
    this.#residualMib = 0;
  }

  /** The end of the process. */
  drop(): void {
    this.#memory.free(this.#memory.heldMib);
    this.#mapped.clear();
    this.#residualMib = 0;
  }

  #takeResidual(): void {
    if (this.#residualMib > 0) return;
    this.#memory.allocate(RESIDUAL_MIB);
    this.#residualMib = RESIDUAL_MIB;
  }

  async #grow(mib: number, ms: number, pause: Pause): Promise<void> {
    let taken = 0;
    try {
      while (taken < mib) {
        await pause(ms / STEPS);
        const step = Math.min(Math.ceil(mib / STEPS), mib - taken);
        this.#memory.allocate(step);
        taken += step;
      }
    } catch (error) {
      if (!this.#quirks.wake_leaks) this.#memory.free(taken);
      throw error;
    }
  }
}
