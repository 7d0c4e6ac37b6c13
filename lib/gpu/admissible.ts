import type { Ticket } from './ticket.ts';

/** One that waited for work of others looks again after so long even if that goes on: other memory may have come free. */
const HELD_MS = 2000;

/** One whose consumer works to its limit, or has not been probed yet, is passed over, not waited for; so is one that waits for work of others. */
export function isAdmissible({ request, heldBy }: Ticket, now: number): boolean {
  const { consumer, consumerConfig, work } = request;
  if (!consumer.firstProbeSettled) return false;
  if (heldBy !== null && now - heldBy.at < HELD_MS && heldBy.consumers.every((other) => other.isWorkingForOthers)) return false;
  return consumer.busy < (work === 'exchange' ? consumerConfig.max_concurrency : 1);
}
