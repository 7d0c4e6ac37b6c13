import type { CardMemory } from '../card.ts';
import type { Pause } from './pace.ts';
import { recordOom, workOn } from './work-record.ts';

/** A load is seen growing in so many steps. */
const LOAD_STEPS = 8;

/** What this process holds on the card. Memory in MiB. */
export class ProcessMemory {
  readonly #card: CardMemory;
  readonly #name: string;
  #heldMib = 0;

  /** `name` is what the card's tools call the process. */
  constructor(card: CardMemory, name: string) {
    this.#card = card;
    this.#name = name;
  }

  /** Records that the process begins work on the card; what it returns ends it. See `workOn`. */
  work(job: string): () => void {
    return workOn(this.#card, this.#name, job);
  }

  get heldMib(): number {
    return this.#heldMib;
  }

  /**
   * Takes `mib` more.
   * @throws Error as CUDA words it, when less is free; that is recorded.
   */
  allocate(mib: number): void {
    try {
      this.#card.allocate(this.#name, mib);
    } catch (error) {
      recordOom(this.#card, this.#name, `${mib} MiB`);
      throw error;
    }
    this.#heldMib += mib;
  }

  free(mib: number): void {
    this.#heldMib -= mib;
    this.#card.hold(this.#name, this.#heldMib);
  }
}

/** What weights need. */
export interface WeightsOptions {
  readonly memory: ProcessMemory;
  readonly mib: number;
  readonly loadMs: number;
  readonly pause: Pause;
}

/** The weights of one model. The caller sees to it that loads do not overlap. */
export class Weights {
  readonly #options: WeightsOptions;
  #takenMib = 0;

  constructor(options: WeightsOptions) {
    this.#options = options;
  }

  /** What they need. */
  get mib(): number {
    return this.#options.mib;
  }

  get loaded(): boolean {
    return this.#takenMib === this.#options.mib;
  }

  /**
   * Loads them, step by step; does nothing when they are loaded. Recorded as work, `load`.
   * @throws Error as CUDA words it when they do not fit, or the signal's reason; nothing is held then.
   */
  async load(signal?: AbortSignal): Promise<void> {
    if (this.loaded) return;
    const { mib, memory, loadMs, pause } = this.#options;
    const end = memory.work('load');
    try {
      while (this.#takenMib < mib) {
        await pause(loadMs / LOAD_STEPS, signal);
        const step = Math.min(Math.ceil(mib / LOAD_STEPS), mib - this.#takenMib);
        memory.allocate(step);
        this.#takenMib += step;
      }
    } catch (error) {
      this.unload();
      throw error;
    } finally {
      end();
    }
  }

  unload(): void {
    this.#options.memory.free(this.#takenMib);
    this.#takenMib = 0;
  }
}
