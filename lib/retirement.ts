import type { Config } from './config/types.ts';
import type { ConsumerState } from './consumers/consumer-state.ts';
import type { Registry } from './consumers/registry.ts';
import type { GateRequest, Place } from './core/gating.ts';
import type { Logger } from './logger.ts';

/** What retirement works with. */
export interface RetirementServices {
  readonly registry: Registry;
  readonly gate: { acquire(request: GateRequest): Place };
  readonly logger: Logger;
  /** Called when a consumer has been forgotten. */
  onForgotten(): void;
}

/** Sees retired consumers off: once nobody waits for one and its work has ended, its memory is freed, and it is forgotten. */
export class Retirement {
  readonly #services: RetirementServices;
  readonly #pending = new Map<ConsumerState, Config>();

  constructor(services: RetirementServices) {
    this.#services = services;
  }

  /** Takes over consumers that a reload has retired. `config` is the new configuration. */
  add(retired: readonly ConsumerState[], config: Config): void {
    for (const consumer of retired) this.#pending.set(consumer, config);
    this.look();
  }

  /** Looks whether one of them can go; called whenever something has changed. */
  look(): void {
    for (const [consumer, config] of this.#pending) {
      if (consumer.waiting > 0 || consumer.busy > 0) continue;
      this.#pending.delete(consumer);
      void this.#seeOff(consumer, config);
    }
  }

  async #seeOff(consumer: ConsumerState, config: Config): Promise<void> {
    const { registry, gate, logger, onForgotten } = this.#services;
    try {
      if (consumer.config.unload !== null && !consumer.config.vram_managed && consumer.residency !== 'absent') {
        const request = { id: 'reload', cause: 'reload', work: 'unload', consumer, consumerConfig: consumer.config, config } as const;
        await gate.acquire({ ...request, maxWaitMs: config.queue.max_wait }).outcome;
      }
    } catch (error) {
      logger.error('a consumer that left the configuration could not be unloaded', { consumer: consumer.name, error: String(error) });
    } finally {
      registry.forget(consumer);
      onForgotten();
      logger.info('consumer forgotten', { consumer: consumer.name });
    }
  }
}
