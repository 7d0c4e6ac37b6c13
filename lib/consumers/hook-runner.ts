import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Hook } from '../config/types.ts';
import { callConsumer } from './call.ts';
import { runCommand } from './command.ts';
import type { ConsumerState } from './consumer-state.ts';
import type { Prober } from './prober.ts';
import type { Registry } from './registry.ts';

/** Between two probes of a consumer that is loading. */
const LOADING_PROBE_MS = 100;

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

  /** Loads, and waits until the consumer answers a probe that began after the hook. Rejects with a reason for people. */
  async load(consumer: ConsumerState): Promise<void> {
    const { load } = consumer.config;
    if (load === null) throw new Error(`${consumer.name} has no load hook`);
    const deadline = this.#clock.now() + load.timeout;
    this.#registry.loading(consumer);
    let isLoaded = false;
    try {
      await this.#call(consumer, load);
      await this.#untilHealthy(consumer, deadline);
      isLoaded = true;
    } finally {
      this.#registry.loaded(consumer, isLoaded);
    }
  }

  /** Unloads. Rejects with a reason for people; the caller says what the card showed. */
  async unload(consumer: ConsumerState): Promise<void> {
    const { unload } = consumer.config;
    if (unload === null) throw new Error(`${consumer.name} has no unload hook`);
    this.#registry.unloading(consumer);
    await this.#call(consumer, unload);
  }

  async #call(consumer: ConsumerState, hook: Hook): Promise<void> {
    if (hook.type === 'command') return runCommand(hook.argv, hook.timeout);
    const { method, path, headers, body, timeout } = hook;
    const answer = await callConsumer(consumer.config, { method, path, headers, body, timeoutMs: timeout });
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path} answered ${answer.status}`);
  }

  async #untilHealthy(consumer: ConsumerState, deadline: number): Promise<void> {
    const hookEndedAt = this.#clock.now();
    for (;;) {
      const { outcome } = await this.#prober.probeSince(consumer, hookEndedAt);
      if (outcome.type === 'good') return;
      if (this.#clock.now() >= deadline) throw new Error(`not healthy in time after its load hook: ${outcome.error}`);
      await delay(LOADING_PROBE_MS);
    }
  }
}
