import PQueue from 'p-queue';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import type { Witness } from '../core/events.ts';
import type { GateRequest, Pause, Place } from '../core/gating.ts';
import { requestGranted, requestReleased, requestWaiting } from '../core/request-events.ts';
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
import { Pauses } from './pauses.ts';
import type { Completion, Consumers, FreshSamples, Hooks } from './ports.ts';
import { QueueView } from './queue-view.ts';
import { pausedSince, shuttingDown, waitedTooLong } from './refusals.ts';
import { Rooms } from './rooms.ts';
import { RunningWork } from './running-work.ts';
import { Ticket } from './ticket.ts';

/** What the gate works with. */
export interface GateServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly consumers: Consumers;
  readonly hooks: Hooks;
  readonly samples: FreshSamples;
  readonly completion: Completion;
  readonly events: Witness;
  /** Is told how long a lease was held, ms. */
  ran?(request: GateRequest, ms: number): void;
}

/** p-queue tells of each task five times. Nobody listens here, and to tell nobody cost a lease more than all else that p-queue does. */
class Engine extends PQueue<InstanceType<ReturnType<typeof laneQueueClass>>, LaneOptions> {
  override dispatchEvent(): boolean {
    return true;
  }
}

/**
 * Admits, holds or refuses. p-queue is its engine: a queued task *is* a lease, so the engine's concurrency is the bound on
 * leases. Only one admission (plan, unload, load) is under way at a time; while it is, nothing else is started.
 */
export class Gate {
  /** What waits and runs, as others see it. */
  readonly queue: QueueView;
  readonly #services: GateServices;
  readonly #lanes: Lanes;
  readonly #queue: Engine;
  readonly #admission: Admission;
  readonly #outlooks: Outlooks;
  readonly #places = new Places();
  readonly #pauses: Pauses;
  readonly #work: RunningWork;
  #settings: Config;
  #admitting: Ticket | null = null;
  #sequence = 0;
  #lastWaitMs: number | null = null;
  #isDraining = false;
  #idle = Promise.withResolvers<void>();

  constructor(services: GateServices, settings: Config) {
    this.#services = services;
    this.#settings = settings;
    this.#admission = new Admission(services);
    this.#pauses = new Pauses(services);
    this.#lanes = new Lanes({
      isOpen: () => this.#admitting === null,
      isAdmissible: (ticket) => isAdmissible(ticket, services.clock.now()),
      now: () => services.clock.now(),
      agingMs: () => this.#settings.queue.aging,
    });
    this.#queue = new Engine({
      concurrency: settings.gpu.concurrency,
      autoStart: false,
      queueClass: laneQueueClass(this.#lanes),
    });
    const work = (this.#work = new RunningWork(services));
    const rooms = new Rooms({ ...services, settings: () => this.#settings });
    const facts = { ...services, work, waiting: () => this.#allWaiting(), roomFor: rooms.of.bind(rooms) };
    const outlooks = (this.#outlooks = new Outlooks({ ...facts, settings: () => this.#settings }));
    this.queue = new QueueView({ ...facts, outlooks, find: this.#find.bind(this), paused: () => this.paused, giveUp: this.#giveUp.bind(this) });
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
    this.#outlooks.refuseIfLate(ticket);
    this.#places.take(request.client);
    this.#services.consumers.waiting(request.consumer, 1);
    this.#services.events.note(requestWaiting(request));
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
    this.#pauses.refuse();
  }

  /** Since when and by whom it is paused; null: it is not. */
  get paused(): Pause | null {
    return this.#pauses.on;
  }

  /** Lets running work end and refuses new work and what waits; only unloading by hand goes on. One that is paused stays as it is. */
  pause(pause: Pause): Pause {
    const on = this.#pauses.begin(pause);
    for (const ticket of this.#allWaiting().filter(({ request }) => request.work !== 'unload')) this.#giveUp(ticket, pausedSince(on));
    return on;
  }

  /** Takes work again. Returns the pause that this ends; null: it was not paused. */
  resume(): Pause | null {
    return this.#pauses.end();
  }

  #refuseIfFull(client?: string): void {
    if (this.#isDraining) throw shuttingDown();
    this.#places.refuseIfFull(this.#settings, this.#work.lastRunMs, client);
  }

  /** One that waits. */
  #find(sequence: number): Ticket | null {
    return this.#admitting?.sequence === sequence && isWaiting(this.#admitting) ? this.#admitting : this.#lanes.find(sequence);
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
      running: this.#work.count,
      totalJobs: this.#work.total,
      lastWaitMs: this.#lastWaitMs,
      lastRunMs: this.#work.lastRunMs,
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
    ticket.admittedAt = this.#services.clock.now();
    consumers.admitted(consumer);
    let lease: Lease | null = null;
    try {
      // No `await` on the way of a resident consumer: its request starts in the same turn in which the last one ended.
      const admitted = this.#admission.isReadyAtOnce(ticket) ? 'ready' : await this.#admission.run(ticket);
      ticket.admittedAt = null;
      if (admitted === 'later' && isWaiting(ticket)) this.#enqueue(ticket);
      else lease = admitted === 'ready' ? this.#grant(ticket) : this.#done(ticket);
    } catch (error) {
      this.#refuse(ticket, error);
    } finally {
      this.#admitting = null;
      if (lease === null) consumers.finished(consumer, 'not_sent', false);
    }
    this.#poke();
    if (lease !== null) await this.#hold(ticket);
    this.#resolveIfIdle();
  }

  /** From here on the ticket is running. null: its client has left. */
  #grant(ticket: Ticket): Lease | null {
    const { consumers, clock, logger, events } = this.#services;
    const { request, times } = ticket;
    const waitedMs = clock.now() - ticket.enqueuedAt;
    const lease = new Lease(request.id, waitedMs - (times.evict ?? 0) - (times.load ?? 0), times);
    if (!ticket.settle({ lease })) return null;
    this.#forget(ticket);
    this.#outlooks.admitted(ticket);
    this.#work.began(ticket, lease);
    this.#lastWaitMs = waitedMs;
    consumers.granted(request.consumer);
    events.note(requestGranted(ticket, waitedMs));
    logger.debug('lease granted', { id: request.id, consumer: request.consumer.name, running: this.#work.count, waiting: this.#places.taken });
    return lease;
  }

  /** Work by hand needs no lease: it is done when it has been admitted. */
  #done(ticket: Ticket): null {
    this.#outlooks.admitted(ticket);
    if (!ticket.settle({ lease: null })) return null;
    this.#forget(ticket);
    this.#services.events.note(requestGranted(ticket, this.#services.clock.now() - ticket.enqueuedAt));
    return null;
  }

  #refuse(ticket: Ticket, error: unknown): void {
    if (ticket.settle({ error })) this.#forget(ticket);
  }

  async #hold(ticket: Ticket): Promise<void> {
    const { consumers, logger, events } = this.#services;
    const { request } = ticket;
    const { reach, ranMs } = await this.#work.untilDone(ticket);
    this.#services.ran?.(request, ranMs);
    if (reach !== 'not_sent') this.#outlooks.ran(ticket, ranMs);
    consumers.finished(request.consumer, reach, true);
    events.note(requestReleased(request, ranMs));
    logger.debug('lease ended', { id: request.id, consumer: request.consumer.name, running: this.#work.count, waiting: this.#places.taken });
    this.#admission.wake();
  }

  #expire(ticket: Ticket): void {
    const waitedMs = this.#services.clock.now() - ticket.enqueuedAt;
    this.#giveUp(ticket, waitedTooLong(ticket.request.consumer.name, waitedMs, { waiting: this.#places.taken, lastRunMs: this.#work.lastRunMs }));
  }

  #giveUp(ticket: Ticket, error: unknown): void {
    if (!ticket.settle({ error })) return;
    this.#forget(ticket);
    if (this.#admitting === ticket) this.#admission.wake();
    // p-queue lets go of a task only when it has run. This one does nothing; an AbortSignal would cost every request three times as much.
    else if (this.#lanes.remove(ticket)) void ticket.run?.();
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
    if (this.#isDraining && this.#work.count === 0 && this.#admitting === null) this.#idle.resolve();
  }
}

/** Node fires a timer with a longer delay at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Asked anew after each `await`. */
function isWaiting(ticket: Ticket): boolean {
  return !ticket.isSettled;
}
