import type { ConsumerState } from '../../lib/consumers/consumer-state.ts';
import type { Registry } from '../../lib/consumers/registry.ts';
import type { Hooks } from '../../lib/gpu/ports.ts';
import type { GateCard } from './gate-card.ts';
import type { ManualClock } from './manual-clock.ts';

/** One hook that has begun. */
export interface BegunHook {
  readonly type: 'load' | 'unload';
  readonly consumer: ConsumerState;
  isOver: boolean;
  end(): void;
  fail(reason?: string): void;
}

/** Hooks whose calls the test ends, or that end at once. What they do to the card they really do. */
export class GateHooks implements Hooks {
  /** Every hook begun, oldest first. */
  readonly begun: BegunHook[] = [];
  /** Hooks end when the test says so. */
  isSlow = false;
  /** Consumers whose hooks fail. */
  readonly failing = new Set<string>();
  /** Consumers that work on something that did not come through the gate. */
  readonly working = new Set<string>();
  /** What stays of a consumer's memory after an unload. MiB. */
  readonly keepsMib = new Map<string, number>();
  /** Called when one begins. */
  onBegin: (hook: BegunHook) => void = () => undefined;
  /** Who has been looked at before an unload, by name, oldest first. */
  readonly looks: string[] = [];
  /** Called at each look, before anything is found. */
  onLook: () => void = () => undefined;
  readonly #registry: Registry;
  readonly #card: GateCard;
  readonly #clock: ManualClock;

  constructor(services: { readonly registry: Registry; readonly card: GateCard; readonly clock: ManualClock }) {
    this.#registry = services.registry;
    this.#card = services.card;
    this.#clock = services.clock;
  }

  /** What has been called, in order: `load a`, `unload b`. */
  get calls(): string[] {
    return this.begun.map(({ type, consumer }) => `${type} ${consumer.config.name}`);
  }

  get underWay(): BegunHook[] {
    return this.begun.filter(({ isOver }) => !isOver);
  }

  /** The only hook under way; throws if there is none, or more than one. */
  get current(): BegunHook {
    const [hook, ...more] = this.underWay;
    if (hook === undefined || more.length > 0) throw new Error(`${this.underWay.length} hooks are under way`);
    return hook;
  }

  async load(consumer: ConsumerState): Promise<void> {
    this.#registry.loading(consumer);
    let isLoaded = false;
    try {
      await this.#begin('load', consumer);
      this.#card.uses.set(consumer.name, consumer.config.vram_resident_mib ?? 0);
      // As the real ones do: a load ends with a healthy probe.
      const outcome = { type: 'good', report: { loaded: null, usedMib: null } } as const;
      this.#registry.probed(consumer, { startedAt: this.#clock.now(), outcome });
      isLoaded = true;
    } finally {
      this.#registry.loaded(consumer, isLoaded);
    }
  }

  async unload(consumer: ConsumerState): Promise<void> {
    this.#registry.unloading(consumer);
    await this.#begin('unload', consumer);
    const { uses } = this.#card;
    uses.set(consumer.name, Math.min(uses.get(consumer.name) ?? 0, this.keepsMib.get(consumer.config.name) ?? 0));
  }

  async look(consumer: ConsumerState): Promise<'working' | 'absent' | 'idle'> {
    this.looks.push(consumer.name);
    this.onLook();
    const isWorking = this.working.has(consumer.config.name);
    this.#registry.working(consumer, isWorking, this.#clock.now());
    if (isWorking) return Promise.resolve('working');
    return Promise.resolve(consumer.residency === 'absent' ? 'absent' : 'idle');
  }

  #begin(type: BegunHook['type'], consumer: ConsumerState): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const hook: BegunHook = {
      type,
      consumer,
      isOver: false,
      end: () => {
        hook.isOver = true;
        resolve();
      },
      fail: (reason = 'as told') => {
        hook.isOver = true;
        reject(new Error(reason));
      },
    };
    this.begun.push(hook);
    this.onBegin(hook);
    if (this.failing.has(consumer.config.name)) hook.fail();
    else if (!this.isSlow) hook.end();
    return promise;
  }
}
