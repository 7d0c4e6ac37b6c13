import type { BrokerEvent, Occurrence } from '../../lib/core/events.ts';
import { NOTHING, reduce } from '../../ui/state.js';
import type { Consumer, Queue, Snapshot, Status, View } from '../../ui/types.ts';

/** When the first event of a test happens. */
export const BEGIN = Date.parse('2026-01-01T12:00:00.000Z');

/** An event as the stream tells it: one second after another. */
export function told(id: number, occurrence: Occurrence): BrokerEvent {
  return { ...occurrence, id, time: new Date(BEGIN + id * 1000).toISOString() };
}

export function consumer(name: string, over: Partial<Consumer> = {}): Consumer {
  return { name, url: 'http://127.0.0.1:9000', healthy: true, loaded: true, residency: 'resident', gpu_resident_mib: null, vram_budget_mib: 2000, loadable: true, ...over };
}

export function status(consumers: readonly Consumer[] = [consumer('a'), consumer('b')], gpu: Partial<Status['gpu']> = {}): Status {
  return { gpu: { total_mib: 16_000, used_mib: 5000, free_mib: 11_000, last_sample: new Date(BEGIN).toISOString(), foreign: [], ...gpu }, consumers, paused: null };
}

export const EMPTY_QUEUE: Queue = { running: [], waiting: [], waiting_total: 0 };

export function snapshot(over: Partial<Snapshot> = {}): Snapshot {
  return { boot: 'first', last_id: over.events?.at(-1)?.id ?? 0, status: status(), queue: EMPTY_QUEUE, events: [], ...over };
}

/** What a page shows that was told a snapshot and then these. */
export function viewAfter(begin: Snapshot, events: readonly BrokerEvent[] = []): View {
  return events.reduce<View>((view, event) => reduce(view, { type: 'event', event }), reduce(NOTHING, { type: 'snapshot', snapshot: begin, at: BEGIN }));
}

/** An unloading for room, and its end. */
export const UNLOADING = { type: 'unloading', consumer: 'a', for: 'b', request: 'r1', reason: 'room', explanation: 'b needs 2256 MiB', expected_mib: 2000 } as const satisfies Occurrence;
export const UNLOADED = { ...UNLOADING, type: 'unloaded', result: 'freed', freed_mib: 1990, hook_ms: 100, settle_ms: 400, error: null } as const satisfies Occurrence;
