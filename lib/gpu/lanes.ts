import { chooseNext } from '../core/queue-order.ts';
import type { Run, Ticket } from './ticket.ts';

/** Tickets of one consumer and priority, oldest first. */
interface Lane {
  readonly key: string;
  head: Ticket | null;
  tail: Ticket | null;
}

/** What decides, beside the order, who may be served now. */
export interface LaneRules {
  /** Whether the card may be given to anybody. */
  isOpen(): boolean;
  /** Whether it may be given to this one; the others are served meanwhile. */
  isAdmissible(ticket: Ticket): boolean;
  now(): number;
  agingMs(): number;
}

/** The waiting tickets, in lanes, so that adding, leaving and choosing cost the same with ten and with ten thousand. */
export class Lanes {
  readonly #rules: LaneRules;
  readonly #lanes = new Map<string, Lane>();
  readonly #byId = new Map<string, Ticket>();

  constructor(rules: LaneRules) {
    this.#rules = rules;
  }

  add(ticket: Ticket, run: Run): void {
    ticket.run = run;
    this.#byId.set(String(ticket.sequence), ticket);
    const lane = this.#laneOf(ticket);
    // One that was at its turn and has to wait on gets its old place back: it was the first.
    if (lane.head !== null && ticket.sequence < lane.head.sequence) {
      ticket.next = lane.head;
      lane.head.previous = ticket;
      lane.head = ticket;
      return;
    }
    ticket.previous = lane.tail;
    if (lane.tail === null) lane.head = ticket;
    else lane.tail.next = ticket;
    lane.tail = ticket;
  }

  /** Takes out the ticket that is served next, and returns what starts it; undefined if nobody may be served. */
  takeNext(): Run | undefined {
    const ticket = this.next();
    if (ticket === null) return undefined;
    this.#remove(ticket);
    return ticket.run;
  }

  /** The ticket that is served next, or null. */
  next(): Ticket | null {
    if (this.#lanes.size === 0 || !this.#rules.isOpen()) return null;
    const heads: Ticket[] = [];
    for (const { head } of this.#lanes.values()) {
      if (head !== null && this.#rules.isAdmissible(head)) heads.push(head);
    }
    return chooseNext(heads, this.#rules.now(), this.#rules.agingMs());
  }

  /** Takes out the ticket with this sequence number. Returns false if it no longer waits. */
  removeById(id: string): boolean {
    const ticket = this.#byId.get(id);
    if (ticket === undefined) return false;
    this.#remove(ticket);
    return true;
  }

  /** The ticket with this sequence number; null: it does not wait. */
  find(sequence: number): Ticket | null {
    return this.#byId.get(String(sequence)) ?? null;
  }

  /** All waiting tickets, lane by lane. */
  tickets(): Ticket[] {
    return [...this.#byId.values()];
  }

  /** When the longest waiting ticket asked, monotonic ms; null if none waits. */
  oldestEnqueuedAt(): number | null {
    let oldest: number | null = null;
    for (const { head } of this.#lanes.values()) {
      if (head !== null && (oldest === null || head.enqueuedAt < oldest)) oldest = head.enqueuedAt;
    }
    return oldest;
  }

  #laneOf(ticket: Ticket): Lane {
    const key = keyOf(ticket);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { key, head: null, tail: null };
    this.#lanes.set(key, lane);
    return lane;
  }

  #remove(ticket: Ticket): void {
    const lane = this.#laneOf(ticket);
    if (ticket.previous === null) lane.head = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === null) lane.tail = ticket.previous;
    else ticket.next.previous = ticket.previous;
    ticket.previous = null;
    ticket.next = null;
    if (lane.head === null) this.#lanes.delete(lane.key);
    this.#byId.delete(String(ticket.sequence));
  }
}

/** After a reload a consumer may have tickets of two priorities: each is a lane, so that a lane stays in order. */
function keyOf(ticket: Ticket): string {
  return `${ticket.request.consumer.serial} ${ticket.priority} ${ticket.request.work}`;
}
