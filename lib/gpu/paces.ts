import type { GatedConsumer } from '../core/gating.ts';
import { expected, paced } from '../core/pace.ts';
import type { Expected, Pace, Unknown } from '../core/pace.ts';

/** What of a consumer is measured: its requests, its load hook, and its unload hook until the memory is free. */
export type Measured = 'run' | 'load' | 'unload';

/** How long each consumer has taken of late. */
export class Paces {
  readonly #paces = { run: new WeakMap<GatedConsumer, Pace>(), load: new WeakMap<GatedConsumer, Pace>(), unload: new WeakMap<GatedConsumer, Pace>() };

  /** It took so long, ms. */
  note(consumer: GatedConsumer, what: Measured, ms: number): void {
    this.#paces[what].set(consumer, paced(this.#paces[what].get(consumer), ms));
  }

  of(consumer: GatedConsumer, what: Measured, mustBeSure = false): Expected | Unknown {
    return expected(this.#paces[what].get(consumer), mustBeSure) ?? 'no history';
  }
}
