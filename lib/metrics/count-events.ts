import type { BrokerEvent, ConsumerUnloaded, RequestFinished } from '../core/events.ts';
import { codeLabel, consumerLabel, disconnectLabel, kindLabel, outcomeLabel, rejectionLabel } from './labels.ts';
import type { Tally } from './tally.ts';

/** By name. */
type Configured = ReadonlyMap<string, unknown>;

const BYTES_PER_MIB = 2 ** 20;

/** Counts what an event tells. */
export function countEvent(tally: Tally, event: BrokerEvent, configured: Configured): void {
  tally.count('events', { type: event.type });
  switch (event.type) {
    case 'request_granted':
      tally.observe('queueSeconds', { kind: kindLabel(event.kind), consumer: consumerLabel(event.consumer, configured) }, event.queue_ms);
      break;
    case 'request_finished':
      countFinished(tally, event, configured);
      break;
    case 'unloaded':
      countUnloaded(tally, event, configured);
      break;
    case 'loaded': {
      const consumer = consumerLabel(event.consumer, configured);
      tally.count('loads', { consumer, result: event.result });
      tally.observe('loadSeconds', { consumer }, event.load_ms);
      break;
    }
    case 'config':
      tally.count('reloads', { result: event.result });
      break;
    default:
  }
}

function countFinished(tally: Tally, event: RequestFinished, configured: Configured): void {
  const labels = { kind: kindLabel(event.kind), consumer: consumerLabel(event.consumer, configured) };
  tally.count('requests', { ...labels, code: codeLabel(event) });
  tally.observe('requestSeconds', { ...labels, outcome: outcomeLabel(event) }, event.total_ms);
  const { queue_ms, evict_ms, load_ms, upstream_ms } = event;
  if (upstream_ms !== null) {
    const cold = String(evict_ms !== null || load_ms !== null);
    tally.observe('firstByteSeconds', { ...labels, cold }, (queue_ms ?? 0) + (evict_ms ?? 0) + (load_ms ?? 0) + upstream_ms);
  }
  const reason = rejectionLabel(event);
  if (reason !== null) tally.count('rejected', { reason });
  const phase = disconnectLabel(event);
  if (phase !== null) tally.count('disconnects', { phase });
}

function countUnloaded(tally: Tally, event: ConsumerUnloaded, configured: Configured): void {
  const victim = consumerLabel(event.consumer, configured);
  const { reason, result, hook_ms, settle_ms, freed_mib } = event;
  tally.count('evictions', { victim, reason, result });
  if (hook_ms !== null) tally.observe('evictSeconds', { victim }, hook_ms + (settle_ms ?? 0));
  if (freed_mib !== null && freed_mib > 0) tally.count('freedBytes', { victim }, freed_mib * BYTES_PER_MIB);
}
