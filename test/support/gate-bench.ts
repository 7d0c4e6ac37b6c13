import type { ConsumerState } from '../../lib/consumers/consumer-state.ts';
import { Registry } from '../../lib/consumers/registry.ts';
import type { Config, ConsumerConfig } from '../../lib/config/types.ts';
import type { GrantedLease, Work } from '../../lib/core/gating.ts';
import type { JobReach } from '../../lib/core/residency.ts';
import { BrokerError, CLIENT_LEFT } from '../../lib/errors.ts';
import { Gate } from '../../lib/gpu/gate.ts';
import type { Completion } from '../../lib/gpu/ports.ts';
import type { Ticket } from '../../lib/gpu/ticket.ts';
import { configured, consumerOf } from './configured.ts';
import { FakeLogger } from './fake-logger.ts';
import { FakeWitness } from './fake-witness.ts';
import { GateCard } from './gate-card.ts';
import { GateHooks } from './gate-hooks.ts';
import { ManualClock } from './manual-clock.ts';

/** Load and unload hooks, for settings. */
export const HOOKS = { load: { path: '/load' }, unload: { path: '/unload' } };

/** What a test asks for, beside the consumer. */
export interface Wish {
  readonly work?: Work;
  readonly maxWaitMs?: number;
  /** Whose share of the queue it takes. Default: nobody's. */
  readonly client?: string;
  isStillWanted?(): boolean;
}

/** How a bench begins. */
export interface BenchOptions {
  readonly totalMib?: number;
  /** Consumers whose first probe has not ended. */
  readonly unprobed?: readonly string[];
  /** The gate gives no lease until the test opens it. */
  readonly isClosed?: boolean;
}

/** One request at the gate, and how it has ended so far. Its state follows the ticket by one turn. */
export class Asked {
  readonly ticket: Ticket;
  state: 'waiting' | 'granted' | 'done' | 'refused' | 'left' | 'released' = 'waiting';
  lease: GrantedLease | null = null;
  error: unknown = null;

  constructor(ticket: Ticket) {
    this.ticket = ticket;
    ticket.outcome.then(
      (lease) => {
        this.lease = lease;
        this.state = lease === null ? 'done' : 'granted';
      },
      (error: unknown) => {
        this.error = error;
        this.state = error === CLIENT_LEFT ? 'left' : 'refused';
      },
    );
  }

  get consumer(): string {
    return this.ticket.request.consumerConfig.name;
  }

  /** The error of the refusal; throws if it was not refused with one of ours. */
  get refusal(): BrokerError {
    if (this.error instanceof BrokerError) return this.error;
    throw new Error(`${this.ticket.request.id} was not refused but is ${this.state}: ${String(this.error)}`);
  }

  release(reach: JobReach = 'served'): void {
    if (this.lease === null) throw new Error(`${this.ticket.request.id} has no lease but is ${this.state}`);
    this.lease.release(reach);
    this.state = 'released';
  }
}

/** Consumers that work on after their answer, until the test says that they have stopped. */
export class GateCompletion implements Completion {
  readonly pending: { readonly consumer: string; end(): void }[] = [];
  /** Consumers and jobs that were told to end. */
  readonly cancelled: string[] = [];

  ended({ name }: ConsumerConfig): Promise<void> {
    return new Promise((resolve) => this.pending.push({ consumer: name, end: resolve }));
  }

  async cancel({ name }: ConsumerConfig, id: string): Promise<void> {
    this.cancelled.push(`${name} ${id}`);
  }
}

/** The real gate on the real registry; the card, the hooks, the consumers' work and the time are the test's. */
export class GateBench {
  readonly clock = new ManualClock();
  readonly logger = new FakeLogger();
  readonly events = new FakeWitness();
  readonly completion = new GateCompletion();
  readonly registry: Registry;
  readonly card: GateCard;
  readonly hooks: GateHooks;
  readonly gate: Gate;
  /** Everybody who ever asked, oldest first. */
  readonly asked: Asked[] = [];
  config: Config;

  /** Consumers are healthy and probed, unless said otherwise; a resident one uses its footprint. */
  constructor(settings: Parameters<typeof configured>[0], { totalMib = 10_000, unprobed = [], isClosed = false }: BenchOptions = {}) {
    this.config = configured({ ...settings, gpu: { cushion_mib: 0, total_mib: totalMib, ...record(settings['gpu']) } });
    const { clock, logger, completion, events } = this;
    this.registry = new Registry({ clock, logger, events });
    this.card = new GateCard(totalMib, { registry: this.registry, clock });
    this.hooks = new GateHooks({ registry: this.registry, card: this.card, clock });
    const services = { clock, logger, completion, events, consumers: this.registry, hooks: this.hooks, samples: this.card };
    this.gate = new Gate(services, this.config);
    this.registry.reconfigure(this.config);
    for (const consumer of this.registry.all()) {
      if (!unprobed.includes(consumer.name)) this.probe(consumer.name, true);
      if (consumer.residency === 'resident') this.card.uses.set(consumer.name, consumer.config.vram_resident_mib ?? 0);
    }
    this.registry.onChange(() => this.gate.changed());
    if (!isClosed) this.gate.open();
  }

  consumer(name: string): ConsumerState {
    const consumer = this.registry.byName(name);
    if (consumer === null) throw new Error(`no consumer ${name}`);
    return consumer;
  }

  /** Asks for the card; throws what `acquire` throws. */
  ask(name: string, { work = 'exchange', maxWaitMs = 600_000, ...wish }: Wish = {}): Asked {
    const id = `${this.asked.length} ${work} ${name}`;
    const facts = { consumer: this.consumer(name), consumerConfig: consumerOf(this.config, name), config: this.config };
    const asked = new Asked(this.gate.acquire({ id, work, maxWaitMs, ...facts, ...wish }));
    this.asked.push(asked);
    return asked;
  }

  leave({ ticket }: Asked): void {
    this.gate.leave(ticket);
  }

  /** One probe ends. */
  probe(name: string, isGood: boolean): void {
    const outcome = isGood ? ({ type: 'good', report: { loaded: null, usedMib: null } } as const) : ({ type: 'bad', error: 'as told' } as const);
    this.registry.probed(this.consumer(name), { startedAt: this.clock.now(), outcome });
  }

  /** These say of themselves that they are not loaded. */
  absent(...names: readonly string[]): this {
    for (const name of names) {
      this.card.uses.set(name, 0);
      this.registry.probed(this.consumer(name), { startedAt: this.clock.now(), outcome: { type: 'good', report: { loaded: false, usedMib: null } } });
    }
    return this;
  }

  /** Takes a new configuration, as a reload does. */
  reconfigure(settings: Parameters<typeof configured>[0]): void {
    this.config = configured(settings);
    this.registry.reconfigure(this.config);
    this.gate.reconfigure(this.config);
  }

  /** Resolves when everything that follows from what has happened so far has happened. */
  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Ends all work and refuses those who wait, so that a test leaves no timer. */
  async stop(): Promise<void> {
    this.gate.drain();
    this.hooks.isSlow = false;
    this.card.isSlow = false;
    for (const hook of this.hooks.underWay) hook.end();
    for (const reading of this.card.pending) reading.end();
    await this.settled();
    for (const each of this.asked) if (each.state === 'granted') each.release('not_sent');
    await this.settled();
    for (const work of this.completion.pending) work.end();
    await this.gate.whenIdle();
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
