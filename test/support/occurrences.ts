import type { ConsumerUnloaded, RequestFinished, RequestGranted } from '../../lib/core/events.ts';

const LABEL = { request: 'r1', kind: 'tts', consumer: 'mvoice', model: null, client: 'peer' } as const;

/** An exchange that went well, less what a test is about. */
export function finished(differences: Partial<RequestFinished> = {}): RequestFinished {
  const ends = { status: 200, error: null, cut: null } as const;
  const times = { queue_ms: 20, evict_ms: null, load_ms: null, upstream_ms: 30, total_ms: 100 } as const;
  return { type: 'request_finished', ...LABEL, method: 'POST', path: '/v1/tts', ...ends, ...times, bytes_in: 1, bytes_out: 2, ...differences };
}

/** A request that got the card. */
export function granted(differences: Partial<RequestGranted> = {}): RequestGranted {
  return { type: 'request_granted', ...LABEL, queue_ms: 20, evict_ms: null, load_ms: null, ...differences };
}

/** An unloading that freed 1 GiB in 2.5 s. */
export function unloaded(differences: Partial<ConsumerUnloaded> = {}): ConsumerUnloaded {
  const plan = { consumer: 'mvoice', for: 'llm', request: 'r1', reason: 'room', explanation: null, expected_mib: 1024 } as const;
  return { type: 'unloaded', ...plan, result: 'freed', freed_mib: 1024, hook_ms: 500, settle_ms: 2000, error: null, ...differences };
}
