import { consumerDown } from '../core/admissible.ts';
import { holdersOf } from '../core/holders.ts';
import type { Sample } from '../core/model.ts';
import { planFor } from '../core/plan.ts';
import type { Plan } from '../core/plan.ts';
import { tenths } from '../core/request-events.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { BrokerError } from '../errors.ts';
import { Evictor } from './evictor.ts';
import type { GateServices } from './gate.ts';
import type { Ticket } from './ticket.ts';

/** Makes room for one ticket at a time: plans on fresh facts, has targets unloaded, waits for running work, loads. */
export class Admission {
  readonly #services: GateServices;
  readonly #evictor: Evictor;
  #change = Promise.withResolvers<void>();

  constructor(services: GateServices) {
    this.#services = services;
    this.#evictor = new Evictor(services);
  }

  get evictions(): number {
    return this.#evictor.count;
  }

  /** Lets a ticket that waits for running work, or whose client has left, look again. */
  wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /**
   * Whether the consumer can run with no further memory, decided without waiting.
   * @throws BrokerError if the consumer is down by now.
   */
  isReadyAtOnce(ticket: Ticket): boolean {
    return ticket.request.work === 'exchange' && this.#isReady(ticket);
  }

  /**
   * Makes room and loads, or finds that work of others has to end first.
   * @throws BrokerError why the consumer cannot run.
   */
  async run(ticket: Ticket): Promise<Admitted> {
    if (ticket.request.work === 'unload') return this.#unloadByHand(ticket);
    const failed = new Set<string>();
    const { work, consumer, config } = ticket.request;
    const { consumers, samples, clock } = this.#services;
    let doubtedAt: number | null = null;
    while (!isGivenUp(ticket)) {
      if (this.#isReady(ticket)) return work === 'exchange' ? 'ready' : 'done';
      const sample = await samples.fresh(Math.max(consumers.lastActionAt(), doubtedAt ?? Number.NEGATIVE_INFINITY));
      if (isGivenUp(ticket)) break;
      this.#refuseIfDown(ticket);
      const snapshot = consumers.snapshot(config, sample);
      const plan = planFor(consumer.name, snapshot, failed);
      if (plan.plan === 'fits') {
        if (!needsLoad(ticket)) return work === 'exchange' ? 'ready' : 'done';
        await this.#load(ticket);
      } else if (plan.plan === 'impossible' && !plan.permanent && sample !== null && doubtedAt === null) {
        // A server that ends between the halves of a reading looks like a stranger, or like memory that nobody holds.
        doubtedAt = clock.now();
      } else if (plan.plan === 'impossible') {
        throw impossible(plan, snapshot, failed);
      } else if (this.#isHeldByOthers(ticket, plan)) {
        return 'later';
      } else {
        await this.#makeRoom(ticket, plan, { sample, failed });
      }
    }
    return 'done';
  }

  /** Whether all that a plan waits for is work that did not come through us: that may take long, and nobody else need wait for it. */
  #isHeldByOthers(ticket: Ticket, plan: Plan): boolean {
    if (plan.plan !== 'wait') return false;
    const busy = plan.busy.map((name) => this.#services.consumers.byName(name)).filter((consumer) => consumer !== null);
    if (!busy.every((consumer) => consumer.isWorkingForOthers)) return false;
    ticket.heldBy = { consumers: busy, at: this.#services.clock.now() };
    return true;
  }

  #isReady(ticket: Ticket): boolean {
    this.#refuseIfDown(ticket);
    if (needsLoad(ticket)) return false;
    return this.#services.consumers.needMib(ticket.request.consumer) === 0;
  }

  async #makeRoom(ticket: Ticket, plan: Plan, { sample, failed }: Attempt): Promise<void> {
    const [target] = plan.targets;
    // The plan says to wait.
    if (target === undefined) {
      await this.#change.promise;
      return;
    }
    const { clock, consumers } = this.#services;
    const consumer = consumers.byName(target.consumer);
    const startedAt = clock.now();
    const eviction = await this.#evictor.evict(target, { plan, ticket, before: sample });
    const ms = clock.now() - startedAt;
    ticket.times.evict = (ticket.times.evict ?? 0) + ms;
    if (eviction === 'freed' && consumer !== null) ticket.unloads.push({ consumer, ms });
    if (eviction === 'failed') failed.add(target.consumer);
  }

  async #load(ticket: Ticket): Promise<void> {
    const { clock, hooks, events } = this.#services;
    const { consumer, id: request } = ticket.request;
    const startedAt = clock.now();
    const { name } = consumer;
    events.note({ type: 'loading', consumer: name, request });
    const ended = (result: 'ready' | 'failed', error: string | null): void => {
      const tookMs = clock.now() - startedAt;
      ticket.times.load = (ticket.times.load ?? 0) + tookMs;
      events.note({ type: 'loaded', consumer: name, request, result, load_ms: tenths(tookMs), error });
    };
    try {
      await hooks.load(consumer);
      ended('ready', null);
    } catch (cause) {
      ended('failed', reasonOf(cause));
      throw new BrokerError('loadFailed', `${name} could not be loaded: ${reasonOf(cause)}`, { consumer: name, cause });
    }
  }

  async #unloadByHand(ticket: Ticket): Promise<Admitted> {
    const { consumers, samples, clock } = this.#services;
    const { consumer } = ticket.request;
    const before = await samples.fresh(consumers.lastActionAt());
    if (isGivenUp(ticket) || consumer.residency === 'absent' || ticket.request.isStillWanted?.() === false) return 'done';
    const eviction = await this.#evictor.unloadByHand(ticket, before);
    if (eviction === 'working') {
      ticket.heldBy = { consumers: [consumer], at: clock.now() };
      return 'later';
    }
    if (eviction !== 'failed') return 'done';
    const { name } = consumer;
    throw new BrokerError('evictionFailed', `${name} could not be unloaded, or its memory was not seen free in time`, { consumer: name });
  }

  #refuseIfDown(ticket: Ticket): void {
    const { consumer, consumerConfig, config } = ticket.request;
    // A reload has retired it, and it was seen off while this client was still uploading.
    if (this.#services.consumers.byName(consumer.name) === null) throw gone(consumerConfig.name);
    const down = consumerDown({ consumer, probeIntervalMs: config.health.interval });
    if (down !== null) throw new BrokerError('consumerDown', down.message, { consumer: consumer.name, retryAfterS: down.retryAfterS });
  }
}

/** How an admission ended. `done`: no lease is to be given, as the work was by hand or its client has left; `later`: see `Ticket.heldBy`. */
export type Admitted = 'ready' | 'done' | 'later';

/** What an admission has learnt so far. */
interface Attempt {
  /** The reading that the plan was made with; null: the card could not be read. */
  readonly sample: Sample | null;
  /** Consumers that could not be unloaded. */
  readonly failed: Set<string>;
}

/** Asked anew after each `await`. */
function isGivenUp(ticket: Ticket): boolean {
  return ticket.isSettled;
}

function gone(consumer: string): BrokerError {
  return new BrokerError('consumerDown', `${consumer} has left the configuration`, { consumer, retryAfterS: 1 });
}

function needsLoad(ticket: Ticket): boolean {
  const { consumer, consumerConfig } = ticket.request;
  return consumerConfig.load !== null && consumer.residency !== 'resident';
}

function impossible(plan: Plan, snapshot: Snapshot, failed: ReadonlySet<string>): BrokerError {
  if (failed.size > 0) {
    const message = `${[...failed].join(' and ')} could not be unloaded for ${plan.consumer}, or freed nothing in time, and no other target is left`;
    return new BrokerError('evictionFailed', message, { consumer: plan.consumer });
  }
  const fields = { required_mib: Math.round(plan.requiredMib), free_mib: plan.freeMib, holders: holdersOf(snapshot, plan.consumer) };
  return new BrokerError(plan.permanent ? 'cannotFit' : 'insufficientVram', plan.reason, { consumer: plan.consumer, fields });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
