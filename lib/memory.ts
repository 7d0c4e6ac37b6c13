import type { ConsumerState } from './consumers/consumer-state.ts';
import type { Registry } from './consumers/registry.ts';
import type { Pause } from './core/gating.ts';
import { NOTHING_KEPT } from './state-file.ts';
import type { KeptState, StateFile } from './state-file.ts';

/** What a daemon remembers of earlier runs, and notes for later ones. */
export class Memory {
  readonly #file: StateFile | null;
  readonly #registry: Registry;
  #kept: KeptState = NOTHING_KEPT;

  /** @param file null: nothing is kept. */
  constructor(file: StateFile | null, registry: Registry) {
    this.#file = file;
    this.#registry = registry;
  }

  /** Reads what was kept. Returns the pause that was on; null: none. */
  load(): Pause | null {
    this.#kept = this.#file?.load() ?? NOTHING_KEPT;
    const { paused } = this.#kept;
    return paused === null ? null : { since: new Date(paused.since), by: paused.by };
  }

  /** Tells consumers that are new what was measured of them before. */
  recall(): void {
    for (const consumer of this.#registry.all()) consumer.recall(this.#kept.footprints[keyOf(consumer)] ?? null);
  }

  /** Keeps footprints that have grown. Called with each sample. */
  sampled(): void {
    const grown = this.#registry.all().filter((consumer) => consumer.measuredMib !== null && consumer.measuredMib !== this.#kept.footprints[keyOf(consumer)]);
    if (grown.length === 0) return;
    const measured = grown.map((consumer) => [keyOf(consumer), consumer.measuredMib ?? 0] as const);
    this.#keep({ ...this.#kept, footprints: { ...this.#kept.footprints, ...Object.fromEntries(measured) } });
  }

  /** Keeps whether the card is paused. */
  paused(pause: Pause | null): void {
    this.#keep({ ...this.#kept, paused: pause === null ? null : { since: pause.since.toISOString(), by: pause.by } });
  }

  /** Resolves when everything is on the disk, or could not be written. */
  async flush(): Promise<void> {
    await this.#file?.flush();
  }

  #keep(state: KeptState): void {
    this.#kept = state;
    this.#file?.save(state);
  }
}

/** Another server under an old name is another consumer. */
function keyOf({ config }: ConsumerState): string {
  return `${config.name} ${config.url}`;
}
