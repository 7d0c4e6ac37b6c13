import PQueue from 'p-queue';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import type { Outlook } from '../core/forecast.ts';
import type { GateRequest, Pause, Place } from '../core/gating.ts';
import { mayStillWork } from '../core/job.ts';
import type { SchedulerFacts } from '../core/status.ts';
import { CLIENT_LEFT } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { isAdmissible } from './admissible.ts';
import { Admission } from './admission.ts';
import { Lanes } from './lanes.ts';
import { laneQueueClass } from './lane-queue.ts';
import type { LaneOptions } from './lane-queue.ts';
import { Lease } from './lease.ts';
import { Outlooks } from './outlooks.ts';
import { Places } from './places.ts';
import type { Completion, Consumers, FreshSamples, Hooks } from './ports.ts';
import { pausedSince, shuttingDown, waitedTooLong } from './refusals.ts';
import { Ticket } from './ticket.ts';

/** What the gate works with. */
export interface GateServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly consumers: Consumers;
  readonly hooks: Hooks;
  readonly samples: FreshSamples;
  readonly completion: Completion;
  /** Is told how long a lease was held, ms. */
  ran?(request: GateRequest, ms: number): void;
}

/**
 * Admits, holds or refuses. p-queue is its engine: a queued task *is* a lease, so the engine's concurrency is the bound on
 * leases. Only one admission (plan, unload, load) is under way at a time; while it is, nothing else is started.
 */
export class Gate {
  readonly #services: GateServices;
  readonly #lanes: Lanes;
  readonly #queue: PQueue<InstanceType<ReturnType<typeof laneQueueClass>>, LaneOptions>;
  readonly #admission: Admission;
  readonly #outlooks: Outlooks;
  readonly #places = new Places();
  #settings: Config;
  #admitting: Ticket | null = null;
  #sequence = 0;
  #running = 0;
  #totalJobs = 0;
  #lastWaitMs: number | null = null;
  #lastRunMs: number | null = null;
  #isDraining = false;
  #pause: Pause | null = null;
  #idle = Promise.withResolvers<void>();

  constructor(services: GateServices, settings: Config) {
    this.#services = services;
    this.#settings = settings;
    this.#admission = new Admission(services);
    this.#lanes = new Lanes({
      isOpen: () => this.#admitting === null,
      isAdmissible: (ticket) => isAdmissible(ticket, services.clock.now()),
      now: () => services.clock.now(),
      agingMs: () => this.#settings.queue.aging,
    });
    this.#queue = new PQueue({
      concurrency: settings.gpu.concurrency,
      autoStart: false,
      queueClass: laneQueueClass(this.#lanes),
    });
    this.#outlooks = new Outlooks({
      clock: services.clock,
      waiting: () => this.#allWaiting(),
      concurrency: () => this.#settings.gpu.concurrency,
      agingMs: () => this.#settings.queue.aging,
    });
  }

  /** Begins to give out leases; called once the card has been read, or could not be. */
  open(): void {
    this.#queue.start();
  }

  /** Takes new settings; those who wait keep the configuration that they began with. */
  reconfigure(settings: Config): void {
    this.#settings = settings;
    this.#queue.concurrency = settings.gpu.concurrency;
    this.changed();
  }

  /**
   * Asks for the card. The ticket's outcome is a lease, or a refusal.
   * @throws BrokerError `queue_full`, `queue_share_full`, `paused`, `shutting_down` or `deadline_unreachable`, at once.
   */
  acquire(request: GateRequest): Ticket {
    if (request.work !== 'unload') this.refuseIfPaused();
    this.#refuseIfFull(request.client);
    const ticket = new Ticket(request, this.#sequence++, this.#services.clock.now());
    this.#refuseIfLate(ticket);
    this.#places.take(request.client);
    this.#services.consumers.waiting(request.consumer, 1);
    this.#enqueue(ticket);
    if (!ticket.isSettled) {
      ticket.timer = setTimeout(() => this.#expire(ticket), Math.min(request.maxWaitMs, LONGEST_TIMER_MS));
    }
    return ticket;
  }

  /**
   * Refuses what `acquire` would refuse, before a large body is taken in for nothing.
   * @throws BrokerError `queue_full`, `queue_share_full`, `paused` or `shutting_down`.
   */
  refuseIfFull(client?: string): void {
    this.refuseIfPaused();
    this.#refuseIfFull(client);
  }

  /** @throws BrokerError `paused` while it is. */
  refuseIfPaused(): void {
    if (this.#pause !== null) throw pausedSince(this.#pause);
  }

  /** Since when and by whom it is paused; null: it is not. */
  get paused(): Pause | null {
    return this.#pause;
  }

  /** Lets running work end and refuses new work and what waits; only unloading by hand goes on. One that is paused stays as it is. */
  pause(pause: Pause): Pause {
    if (this.#pause !== null) return this.#pause;
    this.#pause = pause;
    this.#services.logger.info('paused', { by: pause.by });
    for (const ticket of this.#allWaiting().filter(({ request }) => request.work !== 'unload')) this.#giveUp(ticket, pausedSince(pause));
    return pause;
  }

  /** Takes work again. Returns the pause that this ends; null: it was not paused. */
  resume(): Pause | null {
    const was = this.#pause;
    this.#pause = null;
    if (was !== null) this.#services.logger.info('resumed', { was_paused_since: was.since.toISOString() });
    return was;
  }

  #refuseIfFull(client?: string): void {
    if (this.#isDraining) throw shuttingDown();
    this.#places.refuseIfFull(this.#settings, this.#lastRunMs, client);
  }

  /** Asked only where a client has said how long it waits, and somebody else has the card or waits for it. */
  #refuseIfLate(ticket: Ticket): void {
    if (ticket.request.deadlineMs === undefined || this.#running + this.#places.taken < this.#settings.gpu.concurrency) return;
    this.#outlooks.refuseIfLate(ticket, ticket.request.deadlineMs);
  }

  /** Where a waiting request stands; null: it does not wait. */
  outlook(place: Place): Outlook | null {
    return place instanceof Ticket && !place.isSettled ? this.#outlooks.of(place) : null;
  }

  #allWaiting(): Ticket[] {
    return [...(this.#admitting?.isSettled === false ? [this.#admitting] : []), ...this.#lanes.tickets()];
  }

  /** The client has left: the ticket leaves the queue at once. A hook that has begun runs to its end. */
  leave(place: Place): void {
    if (place instanceof Ticket) this.#giveUp(place, CLIENT_LEFT);
  }

  /** Something that an admission may wait for has changed: a probe, a lease, a setting. */
  changed(): void {
    this.#admission.wake();
    this.#poke();
  }

  /** Refuses new requests and those that wait; running work goes on. */
  drain(): void {
    this.#isDraining = true;
    for (const ticket of this.#allWaiting()) this.#giveUp(ticket, shuttingDown());
    this.#resolveIfIdle();
  }

  /** Resolves when nothing runs and no hook is under way, after `drain()`. */
  whenIdle(): Promise<void> {
    return this.#idle.promise;
  }

  /** The gate's numbers, exact at every moment. */
  get statistics(): SchedulerFacts {
    const oldest = [this.#lanes.oldestEnqueuedAt(), this.#admitting?.isSettled === false ? this.#admitting.enqueuedAt : null];
    const times = oldest.filter((time) => time !== null);
    return {
      waiting: this.#places.taken,
      running: this.#running,
      totalJobs: this.#totalJobs,
      lastWaitMs: this.#lastWaitMs,
      lastRunMs: this.#lastRunMs,
      evictions: this.#admission.evictions,
      oldestWaitMs: times.length === 0 ? null : this.#services.clock.now() - Math.min(...times),
    };
  }

  #enqueue(ticket: Ticket): void {
    void this.#queue.add(() => this.#run(ticket), { ticket, id: String(ticket.sequence) });
  }

  /** The task of one ticket: admission, then the lease until the consumer has stopped working. Never rejects. */
  async #run(ticket: Ticket): Promise<void> {
    if (ticket.isSettled) return;
    const { consumers } = this.#services;
    const { consumer } = ticket.request;
    this.#admitting = ticket;
    consumers.admitted(consumer);
    let lease: Lease | null = null;
    try {
      // No `await` on the way of a resident consumer: its request starts in the same turn in which the last one ended.
      const admitted = this.#admission.isReadyAtOnce(ticket) ? 'ready' : await this.#admission.run(ticket);
      if (admitted === 'later' && isWaiting(ticket)) this.#enqueue(ticket);
      else lease = admitted === 'ready' ? this.#grant(ticket) : this.#done(ticket);
    } catch (error) {
      this.#refuse(ticket, error);
    } finally {
      this.#admitting = null;
      if (lease === null) consumers.finished(consumer, 'not_sent', false);
    }
    this.#poke();
    if (lease !== null) await this.#hold(ticket, lease);
    this.#resolveIfIdle();
  }

  /** From here on the ticket is running. null: its client has left. */
  #grant(ticket: Ticket): Lease | null {
    const { consumers, clock, logger } = this.#services;
    const { request, times } = ticket;
    const waitedMs = clock.now() - ticket.enqueuedAt;
    const lease = new Lease(request.id, waitedMs - (times.evict ?? 0) - (times.load ?? 0), times);
    if (!ticket.settle({ lease })) return null;
    this.#forget(ticket);
    this.#running += 1;
    this.#lastWaitMs = waitedMs;
    consumers.granted(request.consumer);
    logger.debug('lease granted', { id: request.id, consumer: request.consumer.name, running: this.#running, waiting: this.#places.taken });
    return lease;
  }

  /** Work by hand needs no lease: it is done when it has been admitted. */
  #done(ticket: Ticket): null {
    if (ticket.settle({ lease: null })) this.#forget(ticket);
    return null;
  }

  #refuse(ticket: Ticket, error: unknown): void {
    if (!ticket.settle({ error })) return;
    this.#forget(ticket);
  }

  async #hold(ticket: Ticket, lease: Lease): Promise<void> {
    const { consumers, clock, logger, completion } = this.#services;
    const { request } = ticket;
    const grantedAt = clock.now();
    this.#outlooks.began(ticket);
    const { reach, trace } = await lease.released;
    // The answer has ended, but a consumer that answers at once and works on still has the card.
    if (reach !== 'not_sent' && mayStillWork(request.consumerConfig, trace)) await completion.ended(request.consumerConfig, trace);
    this.#running -= 1;
    this.#totalJobs += 1;
    this.#lastRunMs = clock.now() - grantedAt;
    this.#services.ran?.(request, this.#lastRunMs);
    this.#outlooks.ended(ticket, reach !== 'not_sent');
    consumers.finished(request.consumer, reach, true);
    logger.debug('lease ended', { id: request.id, consumer: request.consumer.name, running: this.#running, waiting: this.#places.taken });
    this.#admission.wake();
  }

  #expire(ticket: Ticket): void {
    const waitedMs = this.#services.clock.now() - ticket.enqueuedAt;
    this.#giveUp(ticket, waitedTooLong(ticket.request.consumer.name, waitedMs, { waiting: this.#places.taken, lastRunMs: this.#lastRunMs }));
  }

  #giveUp(ticket: Ticket, error: unknown): void {
    if (!ticket.settle({ error })) return;
    this.#forget(ticket);
    if (this.#admitting === ticket) this.#admission.wake();
    // p-queue lets go of a task only when it has run. This one does nothing; an AbortSignal would cost every request three times as much.
    else if (this.#lanes.removeById(String(ticket.sequence))) void ticket.run?.();
  }

  #forget(ticket: Ticket): void {
    this.#places.give(ticket.request.client);
    this.#services.consumers.waiting(ticket.request.consumer, -1);
  }

  /** Lets p-queue look again: it does so by itself only when a task is added or ends. */
  #poke(): void {
    this.#queue.concurrency = this.#settings.gpu.concurrency;
  }

  #resolveIfIdle(): void {
    if (this.#isDraining && this.#running === 0 && this.#admitting === null) this.#idle.resolve();
  }
}

/** Node fires a timer with a longer delay at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Asked anew after each `await`. */
function isWaiting(ticket: Ticket): boolean {
  return !ticket.isSettled;
}
