import type { Registry } from '../../lib/consumers/registry.ts';
import type { Sample } from '../../lib/core/model.ts';
import type { FreshSamples } from '../../lib/gpu/ports.ts';
import type { ManualClock } from './manual-clock.ts';

/** One reading that a test lets end. */
export interface PendingReading {
  end(): void;
}

/** A card in memory, and the sampler's face to the gate. It knows who really uses what. MiB. */
export class GateCard implements FreshSamples {
  readonly totalMib: number;
  /** What each consumer really uses. */
  readonly uses = new Map<string, number>();
  /** What nobody we know uses. */
  foreignMib = 0;
  isReadable = true;
  /** How long a reading takes on the manual clock. */
  readingMs = 0;
  /** Readings end when the test says so. */
  isSlow = false;
  readonly pending: PendingReading[] = [];
  /** Called before each reading. */
  onReading: () => void = () => undefined;
  #last: Sample | null = null;
  readonly #registry: Registry;
  readonly #clock: ManualClock;

  constructor(totalMib: number, services: { readonly registry: Registry; readonly clock: ManualClock }) {
    this.totalMib = totalMib;
    this.#registry = services.registry;
    this.#clock = services.clock;
  }

  get freeMib(): number {
    return this.totalMib - this.foreignMib - [...this.uses.values()].reduce((sum, mib) => sum + mib, 0);
  }

  lastSample(): Sample | null {
    return this.#last;
  }

  async fresh(since: number): Promise<Sample | null> {
    this.onReading();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.isSlow) this.pending.push({ end: resolve });
    else resolve();
    await promise;
    if (!this.isReadable) return null;
    // As the sampler does: one that began late enough will do.
    if (this.#last === null || this.#last.startedAt <= since) this.poll();
    return this.#last;
  }

  /** A reading between the requests, as the sampler takes them at intervals. */
  poll(): void {
    this.#last = this.#measure();
  }

  #measure(): Sample {
    const startedAt = this.#clock.now();
    this.#clock.pass(this.readingMs);
    const foreign = this.foreignMib > 0 ? [{ pid: 4242, name: 'game', usedMib: this.foreignMib }] : [];
    const attribution = { uses: new Map(this.uses), foreign, unknownHolders: [] };
    const usedMib = this.totalMib - this.freeMib;
    const card = { uuid: 'GPU-1', name: 'Card', totalMib: this.totalMib, usedMib, freeMib: this.freeMib };
    const sample = { startedAt, takenAt: this.#clock.wall(), ...card, attribution };
    this.#registry.sampled(sample);
    return sample;
  }
}
