import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Hook } from '../config/types.ts';
import { residencySaid } from '../core/residency.ts';
import { callHook } from './call-hook.ts';
import { runCommand } from './command.ts';
import type { ConsumerState } from './consumer-state.ts';
import { saidMarks } from './observation.ts';
import type { Prober } from './prober.ts';
import type { Registry } from './registry.ts';

/** Between two probes of a consumer that is loading or unloading. */
const CHANGING_PROBE_MS = 100;

/** Runs load and unload hooks and tells the registry when they begin. */
export class HookRunner {
  readonly #registry: Registry;
  readonly #prober: Prober;
  readonly #clock: Clock;

  constructor(services: { readonly registry: Registry; readonly prober: Prober; readonly clock: Clock }) {
    this.#registry = services.registry;
    this.#prober = services.prober;
    this.#clock = services.clock;
  }

  /** Loads, and waits until a probe that began after the hook finds it healthy and not saying that it is absent. Rejects with a reason for people. */
  async load(consumer: ConsumerState): Promise<void> {
    const { load } = consumer.config;
    if (load === null) throw new Error(`${consumer.name} has no load hook`);
    const deadline = this.#clock.now() + load.timeout;
    this.#registry.loading(consumer);
    let isLoaded = false;
    try {
      await this.#call(consumer, load, deadline);
      await this.#untilLoaded(consumer, deadline);
      isLoaded = true;
    } finally {
      this.#registry.loaded(consumer, isLoaded);
    }
  }

  /** Unloads, and waits until a consumer that can say so says that it is done. Rejects with a reason for people; the caller says what the card showed. */
  async unload(consumer: ConsumerState): Promise<void> {
    const { unload, residency } = consumer.config;
    if (unload === null) throw new Error(`${consumer.name} has no unload hook`);
    const deadline = this.#clock.now() + unload.timeout;
    this.#registry.unloading(consumer);
    await this.#call(consumer, unload, deadline);
    if (residency !== undefined) await this.#untilUnloaded(consumer, deadline);
  }

  /** Looks at a consumer that is to be unloaded. One that cannot say, or does not answer, has its weights and does not work. */
  async look(consumer: ConsumerState): Promise<'working' | 'absent' | 'idle'> {
    const { isWorking = null } = await this.#prober.probeSince(consumer, this.#clock.now());
    if (isWorking === true) return 'working';
    return consumer.residency === 'absent' ? 'absent' : 'idle';
  }

  async #call(consumer: ConsumerState, hook: Hook, deadline: number): Promise<void> {
    if (hook.type === 'command') return runCommand(hook.argv, hook.timeout);
    return callHook({ config: consumer.config, hook, leftMs: () => deadline - this.#clock.now() });
  }

  async #untilLoaded(consumer: ConsumerState, deadline: number): Promise<void> {
    const hookEndedAt = this.#clock.now();
    for (;;) {
      const { outcome, isLoadFailed = false } = await this.#prober.probeSince(consumer, hookEndedAt);
      if (isLoadFailed) throw new Error('it says that loading has failed');
      if (outcome.type === 'good' && !(consumer.config.residency !== undefined && residencySaid(outcome.report, saidMarks(consumer)) === 'absent')) return;
      if (this.#clock.now() >= deadline) throw new Error(`not ready in time after its load hook: ${outcome.type === 'good' ? 'it says that it is not loaded' : outcome.error}`);
      await delay(CHANGING_PROBE_MS);
    }
  }

  /** An answer that cannot be had says nothing: Ollama's own list hangs while a model goes. */
  async #untilUnloaded(consumer: ConsumerState, deadline: number): Promise<void> {
    const hookEndedAt = this.#clock.now();
    for (;;) {
      const { outcome } = await this.#prober.probeSince(consumer, hookEndedAt);
      if (outcome.type === 'refused') return;
      // Bytes alone tell no end: how many stay is known only once they have been seen to stay.
      if (outcome.type === 'good' && !(outcome.report.isExact === true && outcome.report.loaded === true)) return;
      if (this.#clock.now() >= deadline) throw new Error(stillLoaded(consumer));
      await delay(CHANGING_PROBE_MS);
    }
  }
}

function stillLoaded({ config: { unload } }: ConsumerState): string {
  const waits = unload?.type === 'http' && unload.inFlight === 'waits';
  return waits ? 'it still says that it is loaded; it may work on something that did not come through the broker' : 'it still says that it is loaded';
}
