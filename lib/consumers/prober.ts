import type { Clock } from '../clock.ts';
import type { HealthSettings } from '../config/types.gen.ts';
import type { Probe } from '../core/health.ts';
import type { ConsumerState } from './consumer-state.ts';
import { probeConsumer } from './probe.ts';
import type { Registry } from './registry.ts';

/** A first probe that takes longer than this no longer holds its consumer's requests back. */
const FIRST_PROBE_PATIENCE_MS = 2000;
/** Between two probes of a consumer that works for others: somebody may wait for the end of that. */
const WORKING_PROBE_MS = 500;

/** One consumer's loop. */
interface Loop {
  timer: NodeJS.Timeout | undefined;
  inFlight: Promise<Probe> | null;
  isStopped: boolean;
}

/** Probes every consumer at intervals, never twice at once for one of them, and tells the registry. */
export class Prober {
  readonly #registry: Registry;
  readonly #clock: Clock;
  #settings: HealthSettings;
  readonly #loops = new Map<ConsumerState, Loop>();

  constructor(services: { readonly registry: Registry; readonly clock: Clock }, settings: HealthSettings) {
    this.#registry = services.registry;
    this.#clock = services.clock;
    this.#settings = settings;
  }

  /** Begins to probe consumers that are new here, and ends the loops of those that are not named. */
  watch(consumers: readonly ConsumerState[], settings: HealthSettings): void {
    this.#settings = settings;
    const wanted = new Set(consumers);
    for (const [consumer, loop] of this.#loops) {
      if (!wanted.has(consumer)) this.#end(consumer, loop);
    }
    for (const consumer of consumers) {
      if (!this.#loops.has(consumer)) this.#begin(consumer);
    }
  }

  stop(): void {
    for (const [consumer, loop] of this.#loops) this.#end(consumer, loop);
  }

  /** A probe that began at or after `since` (monotonic, ms): the one in flight if it is young enough, else a new one. */
  async probeSince(consumer: ConsumerState, since: number): Promise<Probe> {
    const loop = this.#loops.get(consumer);
    const pending = await loop?.inFlight;
    if (pending !== undefined && pending !== null && pending.startedAt >= since) return pending;
    return this.#probe(consumer, loop);
  }

  #begin(consumer: ConsumerState): void {
    const loop: Loop = { timer: undefined, inFlight: null, isStopped: false };
    this.#loops.set(consumer, loop);
    const patience = setTimeout(() => this.#registry.settleFirstProbe(consumer), FIRST_PROBE_PATIENCE_MS);
    patience.unref();
    void this.#round(consumer, loop).finally(() => clearTimeout(patience));
  }

  #end(consumer: ConsumerState, loop: Loop): void {
    loop.isStopped = true;
    clearTimeout(loop.timer);
    this.#loops.delete(consumer);
  }

  async #round(consumer: ConsumerState, loop: Loop): Promise<void> {
    if (!consumer.config.health.skip_when_busy || consumer.running === 0) await this.#probe(consumer, loop);
    if (loop.isStopped) return;
    const { interval } = this.#settings;
    loop.timer = setTimeout(() => void this.#round(consumer, loop), consumer.isWorkingForOthers ? Math.min(interval, WORKING_PROBE_MS) : interval);
    loop.timer.unref();
  }

  /** Joins a probe that is in flight, so that there are never two. */
  async #probe(consumer: ConsumerState, loop: Loop | undefined): Promise<Probe> {
    if (loop?.inFlight !== null && loop !== undefined) return loop.inFlight;
    const probing = this.#measure(consumer, loop);
    if (loop !== undefined) loop.inFlight = probing;
    try {
      return await probing;
    } finally {
      if (loop !== undefined) loop.inFlight = null;
    }
  }

  async #measure(consumer: ConsumerState, loop: Loop | undefined): Promise<Probe> {
    const startedAt = this.#clock.now();
    const probe = { startedAt, ...(await probeConsumer(consumer.config, consumer.config.health.timeout ?? this.#settings.timeout)) };
    if (loop?.isStopped !== true) this.#registry.probed(consumer, probe);
    return probe;
  }
}
