import type { Lanes } from './lanes.ts';
import type { Run, Ticket } from './ticket.ts';

/** What p-queue hands on with a task. */
export interface LaneOptions {
  ticket: Ticket;
  id: string;
}

/**
 * The face that lanes show to p-queue. `size` is not how many wait but whether anybody may be served: p-queue takes a size
 * of 0 for "nothing to start", and calls `dequeue` otherwise.
 */
export function laneQueueClass(lanes: Lanes) {
  return class LaneQueue {
    get size(): number {
      return lanes.next() === null ? 0 : 1;
    }

    enqueue(run: Run, options?: Partial<LaneOptions>): void {
      if (options?.ticket === undefined) throw new Error('LaneQueue: a task without a ticket');
      lanes.add(options.ticket, run);
    }

    dequeue(): Run | undefined {
      return lanes.takeNext();
    }

    remove(id: string): void {
      const ticket = lanes.find(Number(id));
      if (ticket !== null) lanes.remove(ticket);
    }

    filter(): Run[] {
      return lanes.tickets().flatMap((ticket) => ticket.run ?? []);
    }

    setPriority(): void {
      throw new Error('LaneQueue: the priority of a ticket is fixed');
    }
  };
}
