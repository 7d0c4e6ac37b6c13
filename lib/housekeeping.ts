import type { Clock } from './clock.ts';
import type { Config } from './config/types.ts';
import type { ConsumerState } from './consumers/consumer-state.ts';
import type { Registry } from './consumers/registry.ts';
import type { GateRequest, Place } from './core/gating.ts';
import type { Plan } from './core/plan.ts';
import type { Logger } from './logger.ts';

/** What housekeeping works with. */
export interface HousekeepingServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  acquire(request: GateRequest): Place;
  plan(name: string): Promise<Plan | null>;
  config(): Config;
}

/** Between two looks at what idles, as a share of the shortest limit. */
const LOOKS_PER_LIMIT = 4;
const LONGEST_LOOK_MS = 5000;
const SHORTEST_LOOK_MS = 20;

/** Frees memory that nobody has used for long, and loads at start what is to be ready. */
export class Housekeeping {
  readonly #services: HousekeepingServices;
  readonly #leaving = new Set<ConsumerState>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(services: HousekeepingServices) {
    this.#services = services;
  }

  /** Loads what is to be ready, then looks for what idles, at intervals. */
  start(): void {
    void this.#preload();
    this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    const { registry, config } = this.#services;
    for (const consumer of registry.all()) {
      if (this.#isIdle(consumer) && !this.#leaving.has(consumer)) void this.#unload(consumer);
    }
    const limits = [...config().consumers.values()].map(({ idle_unload: own }) => own ?? config().idle_unload).filter((limit) => limit !== undefined);
    const pauseMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, Math.min(...limits) / LOOKS_PER_LIMIT));
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#look(), pauseMs).unref();
  }

  #isIdle(consumer: ConsumerState): boolean {
    const { clock, config } = this.#services;
    const limitMs = consumer.config.idle_unload ?? config().idle_unload;
    if (limitMs === undefined || consumer.config.unload === null || consumer.config.vram_managed) return false;
    if (consumer.residency !== 'resident' || consumer.waiting > 0 || consumer.busy > 0 || consumer.isWorkingForOthers) return false;
    return clock.now() - Math.max(consumer.lastUsedAt ?? consumer.residentAt, consumer.residentAt) >= limitMs;
  }

  async #unload(consumer: ConsumerState): Promise<void> {
    const { logger, acquire, config } = this.#services;
    this.#leaving.add(consumer);
    // Waiting makes it no longer idle in its own eyes, so only the rest is looked at when its turn has come.
    const isStillWanted = (): boolean => consumer.waiting <= 1 && consumer.residency === 'resident';
    try {
      const request = { id: 'idle', cause: 'idle', work: 'unload', consumer, consumerConfig: consumer.config, config: config(), isStillWanted } as const;
      await acquire({ ...request, maxWaitMs: config().queue.max_wait }).outcome;
    } catch (error) {
      logger.warn('an idle consumer could not be unloaded', { consumer: consumer.name, error: String(error) });
    } finally {
      this.#leaving.delete(consumer);
    }
  }

  /** In their order, and only as far as they fit: nothing is thrown out for something that nobody has asked for yet. */
  async #preload(): Promise<void> {
    const { logger, registry, acquire, plan, config } = this.#services;
    for (const name of config().preload) {
      const consumer = registry.current(name);
      if (consumer === null || consumer.residency === 'resident' || consumer.config.load === null) continue;
      try {
        const planned = await plan(name);
        if (planned?.plan !== 'fits') {
          logger.warn('not preloaded: it does not fit beside what is there', { consumer: name, reason: planned?.reason });
          continue;
        }
        const request = { id: 'preload', work: 'load', consumer, consumerConfig: consumer.config, config: config() } as const;
        await acquire({ ...request, maxWaitMs: config().queue.max_wait }).outcome;
      } catch (error) {
        logger.warn('not preloaded', { consumer: name, error: String(error) });
      }
    }
  }
}
