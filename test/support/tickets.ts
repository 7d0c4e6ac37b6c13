import type { Work } from '../../lib/core/gating.ts';
import { Ticket } from '../../lib/gpu/ticket.ts';
import { configured, consumerOf } from './configured.ts';

/** What a test says of a ticket. */
export interface TicketFacts {
  readonly sequence: number;
  /** Tells consumers apart. */
  readonly serial?: number;
  readonly priority?: number;
  readonly work?: Work;
  readonly enqueuedAt?: number;
}

const PRIORITIES = [0, 1, 2, 3, 4] as const;
/** One consumer for each priority: parsing a configuration for each ticket would take most of a test's time. */
const CONFIG = configured({ consumers: Object.fromEntries(PRIORITIES.map((priority) => [`p${priority}`, { priority }])) });

/** A waiting request of a consumer about which nothing else is known. */
export function ticketOf({ sequence, serial = 1, priority = 2, work = 'exchange', enqueuedAt = 0 }: TicketFacts): Ticket {
  const consumer = { name: `c${serial}`, serial, health: { state: 'unknown' }, residency: 'unknown', canLoad: false, loadedNames: null, busy: 0, firstProbeSettled: true, isWorkingForOthers: false } as const;
  const request = { id: String(sequence), work, consumer, consumerConfig: consumerOf(CONFIG, `p${priority}`), config: CONFIG, maxWaitMs: 1000 };
  return new Ticket(request, sequence, enqueuedAt);
}
