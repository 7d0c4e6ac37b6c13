import { chooseNext } from '../core/queue-order.ts';
import type { Run, Ticket } from './ticket.ts';

/** What decides, beside the order, who may be served now. */
export interface LaneRules {
  /** Whether the card may be given to anybody. */
  isOpen(): boolean;
  /** Whether it may be given to this one; the others are served meanwhile. */
  isAdmissible(ticket: Ticket): boolean;
  now(): number;
  agingMs(): number;
}

/**
 * The waiting tickets, in lanes, so that adding, leaving and choosing cost the same with ten and with ten thousand. There is no map of all
 * of them: each time that V8 makes a map's table anew the old one keeps its entries alive for a while, and with them their exchanges.
 */
export class Lanes {
  readonly #rules: LaneRules;
  /** The oldest ticket of each lane. A lane holds the tickets of one consumer and priority in a ring, oldest first. */
  readonly #heads = new Map<string, Ticket>();

  constructor(rules: LaneRules) {
    this.#rules = rules;
  }

  add(ticket: Ticket, run: Run): void {
    ticket.run = run;
    const key = keyOf(ticket);
    const head = this.#heads.get(key);
    if (head !== undefined) linkBefore(head, ticket);
    // Before the head is the end of the ring. One that was at its turn and has to wait on gets its old place back: it was the first.
    if (head === undefined || ticket.sequence < head.sequence) this.#heads.set(key, ticket);
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
    if (this.#heads.size === 0 || !this.#rules.isOpen()) return null;
    const heads: Ticket[] = [];
    for (const head of this.#heads.values()) {
      if (this.#rules.isAdmissible(head)) heads.push(head);
    }
    return chooseNext(heads, this.#rules.now(), this.#rules.agingMs());
  }

  /** Takes out a ticket. Returns false if it no longer waits. */
  remove(ticket: Ticket): boolean {
    // Alone in its ring, it may be the only one of its lane.
    if (ticket.next === ticket && this.#heads.get(keyOf(ticket)) !== ticket) return false;
    this.#remove(ticket);
    return true;
  }

  /** The ticket with this sequence number; null: it does not wait. Looks at all of them. */
  find(sequence: number): Ticket | null {
    return this.tickets().find((ticket) => ticket.sequence === sequence) ?? null;
  }

  /** All waiting tickets, the oldest first. */
  tickets(): Ticket[] {
    const all: Ticket[] = [];
    for (const head of this.#heads.values()) {
      all.push(head);
      for (let ticket = head.next; ticket !== head; ticket = ticket.next) all.push(ticket);
    }
    return all.sort((one, other) => one.sequence - other.sequence);
  }

  /** When the longest waiting ticket asked, monotonic ms; null if none waits. */
  oldestEnqueuedAt(): number | null {
    let oldest: number | null = null;
    for (const { enqueuedAt } of this.#heads.values()) {
      if (oldest === null || enqueuedAt < oldest) oldest = enqueuedAt;
    }
    return oldest;
  }

  #remove(ticket: Ticket): void {
    const key = keyOf(ticket);
    const { next } = ticket;
    if (next === ticket) this.#heads.delete(key);
    else if (this.#heads.get(key) === ticket) this.#heads.set(key, next);
    unlink(ticket);
  }
}

function linkBefore(next: Ticket, ticket: Ticket): void {
  ticket.next = next;
  ticket.previous = next.previous;
  next.previous.next = ticket;
  next.previous = ticket;
}

function unlink(ticket: Ticket): void {
  ticket.previous.next = ticket.next;
  ticket.next.previous = ticket.previous;
  ticket.previous = ticket;
  ticket.next = ticket;
}

/** After a reload a consumer may have tickets of two priorities: each is a lane, so that a lane stays in order. */
function keyOf(ticket: Ticket): string {
  return `${ticket.request.consumer.serial} ${ticket.priority} ${ticket.request.work}`;
}
