import type { Clock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import { forecast } from '../core/forecast.ts';
import type { Outlook, Runner, Waiter } from '../core/forecast.ts';
import type { GatedConsumer, GateRequest } from '../core/gating.ts';
import type { Expected, Unknown } from '../core/pace.ts';
import type { ConsumerTimes } from '../core/room-forecast.ts';
import { Paces } from './paces.ts';
import type { Consumers } from './ports.ts';
import { deadlineUnreachable } from './refusals.ts';
import type { Room } from './rooms.ts';
import type { RunningWork } from './running-work.ts';
import type { Ticket } from './ticket.ts';

/** Everybody's outlook is worked out at once, and holds for so long: with many who ask, each asking would look at all. ms */
const KEPT_MS = 500;

/** What the outlooks are worked out from. */
export interface OutlookFacts {
  readonly clock: Clock;
  waiting(): readonly Ticket[];
  readonly work: Pick<RunningWork, 'all' | 'count'>;
  readonly consumers: Pick<Consumers, 'byName'>;
  roomFor(consumer: GatedConsumer): Room;
  settings(): Pick<Config, 'gpu' | 'queue'>;
}

/** How long requests of each consumer take, and from that, when who will have the card. */
export class Outlooks {
  readonly #facts: OutlookFacts;
  readonly #paces = new Paces();
  #kept: { readonly at: number; readonly outlooks: ReadonlyMap<number, Outlook> } | null = null;

  constructor(facts: OutlookFacts) {
    this.#facts = facts;
  }

  /** Room has been made for a ticket, and what that took tells something. */
  admitted({ request: { consumer }, times, unloads }: Ticket): void {
    if (times.load !== undefined) this.#paces.note(consumer, 'load', times.load);
    for (const each of unloads) this.#paces.note(each.consumer, 'unload', each.ms);
  }

  /** It had the card for so long, ms, and reached its consumer. */
  ran({ request: { consumer, endsByHand = false } }: Ticket, ms: number): void {
    if (!endsByHand) this.#paces.note(consumer, 'run', ms);
  }

  /** How long a request is expected to have the card. */
  runOf({ consumer, endsByHand = false }: GateRequest, mustBeSure = false): Expected | Unknown {
    return endsByHand ? 'lease by hand' : this.#paces.of(consumer, 'run', mustBeSure);
  }

  /** Where a waiting ticket stands; null: it does not wait. */
  of(ticket: Ticket): Outlook | null {
    const now = this.#facts.clock.now();
    if (this.#kept === null || now - this.#kept.at > KEPT_MS || !this.#kept.outlooks.has(ticket.sequence)) this.all(this.#facts.waiting());
    return this.#kept?.outlooks.get(ticket.sequence) ?? null;
  }

  /** Where each of all who wait stands, by sequence, as of now. */
  all(waiting: readonly Ticket[]): ReadonlyMap<number, Outlook> {
    const outlooks = this.#forecast(waiting, false);
    this.#kept = { at: this.#facts.clock.now(), outlooks };
    return outlooks;
  }

  /** How long one that would come now had to wait, ms; null: that cannot be said for sure. Where only its own room is unknown, that counts as nothing. */
  waitOf(ticket: Ticket): number | null {
    const outlook = this.#forecast([...this.#facts.waiting(), ticket], true).get(ticket.sequence);
    if (outlook === undefined || typeof outlook.turn === 'string') return null;
    return typeof outlook.wait === 'string' ? outlook.turn.ms : outlook.wait.ms;
  }

  /** @throws BrokerError `deadline_unreachable` if one that comes now would wait longer than its client says it does, as far as that can be said for sure. Never at a free card. */
  refuseIfLate(ticket: Ticket): void {
    const { deadlineMs, consumer } = ticket.request;
    const { work, waiting, settings } = this.#facts;
    if (deadlineMs === undefined || work.count + waiting().length < settings().gpu.concurrency) return;
    const waitMs = this.waitOf(ticket);
    if (waitMs !== null && waitMs > deadlineMs) throw deadlineUnreachable(consumer.name, deadlineMs, waitMs);
  }

  #forecast(waiting: readonly Ticket[], mustBeSure: boolean): ReadonlyMap<number, Outlook> {
    const { clock, work, settings } = this.#facts;
    const { gpu, queue } = settings();
    const now = clock.now();
    const consumers = this.#timesOf(waiting, mustBeSure);
    const runners = work.all().map(({ ticket, startedAt }): Runner => ({ startedAt, expected: this.runOf(ticket.request, mustBeSure) }));
    const waiters = waiting.map((ticket) => this.#waiterOf(ticket, now));
    return forecast({ waiting: waiters, running: runners, consumers, concurrency: gpu.concurrency, now, agingMs: queue.aging });
  }

  #waiterOf({ priority, enqueuedAt, sequence, request, times, admittedAt }: Ticket, now: number): Waiter {
    const { consumer, work, endsByHand = false } = request;
    const isHeld = work !== 'unload' && this.#facts.roomFor(consumer).heldBy.length > 0;
    // Whom it has had unloaded is no longer in its plan.
    const admittedForMs = admittedAt === null ? null : now - admittedAt - (times.evict ?? 0);
    return { priority, enqueuedAt, sequence, consumer: consumer.name, work, endsByHand, isHeld, admittedForMs };
  }

  /** Of each consumer that somebody waits for, and of those that are in their way. */
  #timesOf(waiting: readonly Ticket[], mustBeSure: boolean): ReadonlyMap<string, ConsumerTimes> {
    const all = new Map<string, ConsumerTimes>();
    for (const { request: { consumer, consumerConfig } } of waiting) {
      if (!all.has(consumer.name)) all.set(consumer.name, this.#times(consumer, consumerConfig.load !== null, mustBeSure));
    }
    for (const name of [...all.values()].flatMap(({ evicts }) => evicts)) {
      const consumer = all.has(name) ? null : this.#facts.consumers.byName(name);
      if (consumer !== null) all.set(name, this.#times(consumer, false, mustBeSure));
    }
    return all;
  }

  #times(consumer: GatedConsumer, canLoad: boolean, mustBeSure: boolean): ConsumerTimes {
    const of = (what: 'run' | 'load' | 'unload'): Expected | Unknown => this.#paces.of(consumer, what, mustBeSure);
    const evicts = this.#facts.roomFor(consumer).willEvict.map((target) => target.consumer);
    return { run: of('run'), load: canLoad ? of('load') : null, unload: of('unload'), isResident: consumer.residency === 'resident', evicts };
  }
}
