import type { Clock } from '../clock.ts';
import { forecast } from '../core/forecast.ts';
import type { Outlook, Runner, Waiter } from '../core/forecast.ts';
import type { GatedConsumer } from '../core/gating.ts';
import { expectedMs, paced } from '../core/pace.ts';
import type { Pace } from '../core/pace.ts';
import { deadlineUnreachable } from './refusals.ts';
import type { Ticket } from './ticket.ts';

/** Everybody's outlook is worked out at once, and holds for so long: with many who ask, each asking would look at all. ms */
const KEPT_MS = 500;

/** What the outlooks are worked out from. */
export interface QueueView {
  readonly clock: Clock;
  waiting(): readonly Ticket[];
  concurrency(): number;
  agingMs(): number;
}

/** How long requests of each consumer take, and from that, when who will have the card. */
export class Outlooks {
  readonly #view: QueueView;
  readonly #paces = new WeakMap<GatedConsumer, Pace>();
  readonly #running = new Map<Ticket, number>();
  #kept: { readonly at: number; readonly outlooks: ReadonlyMap<number, Outlook> } | null = null;

  constructor(view: QueueView) {
    this.#view = view;
  }

  began(ticket: Ticket): void {
    this.#running.set(ticket, this.#view.clock.now());
  }

  /** Its lease has ended; `didWork`: it reached its consumer, so that its time tells something. */
  ended(ticket: Ticket, didWork: boolean): void {
    const { consumer, endsByHand = false } = ticket.request;
    const startedAt = this.#running.get(ticket);
    this.#running.delete(ticket);
    if (!didWork || endsByHand || startedAt === undefined) return;
    const { evict = 0, load = 0 } = ticket.times;
    this.#paces.set(consumer, paced(this.#paces.get(consumer), this.#view.clock.now() - startedAt + evict + load));
  }

  /** Where a waiting ticket stands; null: it does not wait. */
  of(ticket: Ticket): Outlook | null {
    const now = this.#view.clock.now();
    if (this.#kept === null || now - this.#kept.at > KEPT_MS || !this.#kept.outlooks.has(ticket.sequence)) {
      this.#kept = { at: now, outlooks: this.#forecast(this.#view.waiting(), false) };
    }
    return this.#kept.outlooks.get(ticket.sequence) ?? null;
  }

  /** How long one that would come now had to wait, ms; null: that cannot be said for sure. */
  waitOf(ticket: Ticket): number | null {
    return this.#forecast([...this.#view.waiting(), ticket], true).get(ticket.sequence)?.waitMs ?? null;
  }

  /** @throws BrokerError `deadline_unreachable` if one that comes now would wait longer than `deadlineMs`, as far as that can be said for sure. */
  refuseIfLate(ticket: Ticket, deadlineMs: number): void {
    const waitMs = this.waitOf(ticket);
    if (waitMs !== null && waitMs > deadlineMs) throw deadlineUnreachable(ticket.request.consumer.name, deadlineMs, waitMs);
  }

  #forecast(waiting: readonly Ticket[], mustBeSure: boolean): ReadonlyMap<number, Outlook> {
    const expected = ({ request }: Ticket): number | null =>
      request.endsByHand === true ? null : expectedMs(this.#paces.get(request.consumer), mustBeSure);
    const waiters = waiting.map((ticket): Waiter => ({ priority: ticket.priority, enqueuedAt: ticket.enqueuedAt, sequence: ticket.sequence, expectedMs: expected(ticket) }));
    const runners = [...this.#running].map(([ticket, startedAt]): Runner => ({ startedAt, expectedMs: expected(ticket) }));
    return forecast({ waiting: waiters, running: runners, concurrency: this.#view.concurrency(), now: this.#view.clock.now(), agingMs: this.#view.agingMs() });
  }
}
