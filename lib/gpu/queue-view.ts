import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Canceller, GatedConsumer, Pause, Place } from '../core/gating.ts';
import { LISTED, queueReport } from '../core/queue-report.ts';
import type { RunningFacts, WaitingFacts } from '../core/queue-report.ts';
import type { Outlook } from '../core/forecast.ts';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Outlooks } from './outlooks.ts';
import { cancelled, notInQueue } from './refusals.ts';
import type { Room } from './rooms.ts';
import type { RunningWork } from './running-work.ts';
import { Ticket } from './ticket.ts';

/** A report holds for so long, so that many who look cost no more than one. ms */
const KEPT_MS = 250;
const RUN_ID_BYTES = 2;

/** What the view is made from. */
export interface QueueViewParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly outlooks: Outlooks;
  readonly work: RunningWork;
  /** All who wait, the one for whom room is being made among them. */
  waiting(): readonly Ticket[];
  /** One that waits. */
  find(sequence: number): Ticket | null;
  roomFor(consumer: GatedConsumer): Room;
  paused(): Pause | null;
  /** Takes one that waits out of the queue. */
  giveUp(ticket: Ticket, error: BrokerError): void;
}

/** The queue as it is shown, and as one acts on it from outside. */
export class QueueView {
  readonly #parts: QueueViewParts;
  /** Tells an id of this run of the broker from one of the run before. */
  readonly #run = randomBytes(RUN_ID_BYTES).toString('hex');
  #kept: { readonly at: number; readonly report: Readonly<Record<string, unknown>> } | null = null;

  constructor(parts: QueueViewParts) {
    this.#parts = parts;
  }

  /** The body of `GET /v1/queue`. */
  report(): Readonly<Record<string, unknown>> {
    const now = this.#parts.clock.now();
    if (this.#kept === null || now - this.#kept.at >= KEPT_MS) this.#kept = { at: now, report: this.#report(now) };
    return this.#kept.report;
  }

  /** Where a waiting request stands; null: it does not wait. */
  outlook(place: Place): Outlook | null {
    return place instanceof Ticket && !place.isSettled ? this.#parts.outlooks.of(place) : null;
  }

  /**
   * Takes one out of the queue, or has its work end. Returns where it was.
   * @throws BrokerError `not_in_queue`, or `forbidden` if it is somebody else's and that matters.
   */
  cancel(id: string, by: Canceller): 'waiting' | 'running' {
    const { find, work, giveUp, logger } = this.#parts;
    const sequence = this.#sequenceIn(id);
    const waiting = find(sequence);
    const ticket = waiting ?? work.find(sequence);
    if (ticket === null) throw notInQueue(id);
    const { request } = ticket;
    if (by.isOwnOnly && request.client !== by.client) {
      throw new BrokerError('forbidden', `${id} is not yours: to cancel what others have asked for needs the scope admin`);
    }
    this.#kept = null;
    const was = waiting === null ? 'running' : 'waiting';
    logger.info('cancelled', { id: request.id, ticket: id, consumer: request.consumer.name, was, by: by.client });
    if (waiting === null) work.cancel(sequence);
    else giveUp(ticket, cancelled(request.consumer.name, 'while it waited for the card'));
    return was;
  }

  #report(now: number): Record<string, unknown> {
    const { clock, work, waiting, paused } = this.#parts;
    const all = waiting();
    return queueReport({
      time: clock.wall(),
      now,
      running: work.all().map((each) => this.#runningFacts(each.ticket, each.startedAt)),
      waiting: this.#next(all).map(([ticket, outlook]) => this.#waitingFacts(ticket, outlook)),
      waitingTotal: all.length,
      paused: paused(),
    });
  }

  /** Those that are listed. The forecast comes in the order of the positions. */
  #next(waiting: readonly Ticket[]): (readonly [Ticket, Outlook])[] {
    const tickets = new Map(waiting.map((ticket) => [ticket.sequence, ticket]));
    const next = [...this.#parts.outlooks.all(waiting)].slice(0, LISTED);
    return next.flatMap(([sequence, outlook]) => {
      const ticket = tickets.get(sequence);
      return ticket === undefined ? [] : [[ticket, outlook] as const];
    });
  }

  #runningFacts(ticket: Ticket, startedAt: number): RunningFacts {
    return { id: this.#idOf(ticket), request: ticket.request, since: startedAt, expected: this.#parts.outlooks.runOf(ticket.request) };
  }

  #waitingFacts(ticket: Ticket, outlook: Outlook): WaitingFacts {
    const { request, enqueuedAt: since, admittedAt } = ticket;
    const room = request.work === 'unload' ? { willEvict: [], heldBy: [] } : this.#parts.roomFor(request.consumer);
    const heldBy = [...new Set([...room.heldBy, ...ticket.holders])];
    return { id: this.#idOf(ticket), request, since, outlook, isAdmitted: admittedAt !== null, willEvict: room.willEvict, heldBy };
  }

  #idOf({ sequence }: Ticket): string {
    return `${this.#run}-${sequence}`;
  }

  /** NaN, which nobody has, if it is no id of this run. */
  #sequenceIn(id: string): number {
    const [, run, sequence] = /^([0-9a-f]+)-(\d+)$/.exec(id) ?? [];
    return run === this.#run ? Number(sequence) : Number.NaN;
  }
}
