import type { RequestGranted, RequestLabel, RequestReleased, RequestWaiting } from './events.ts';
import type { AdmissionTimes, GateRequest } from './gating.ts';

/** What is told when a request takes its place in the queue. */
export function requestWaiting(request: GateRequest): RequestWaiting {
  return { type: 'request_waiting', ...labelOf(request) };
}

/** What is told when it has the card. `waitedMs`: since it asked. Work by hand has been done by then. */
export function requestGranted({ request, times: { evict, load } }: Granted, waitedMs: number): RequestGranted {
  const queueMs = waitedMs - (evict ?? 0) - (load ?? 0);
  return { type: 'request_granted', ...labelOf(request), queue_ms: tenths(queueMs), evict_ms: orNull(evict), load_ms: orNull(load) };
}

/** What is told when it no longer has the card. */
export function requestReleased(request: GateRequest, ranMs: number): RequestReleased {
  return { type: 'request_released', ...labelOf(request), run_ms: tenths(ranMs) };
}

/** A request with what making room for it took. */
interface Granted {
  readonly request: GateRequest;
  readonly times: AdmissionTimes;
}

function labelOf({ id, work, kind, consumerConfig, model, client }: GateRequest): RequestLabel {
  const shown = kind ?? (work === 'exchange' ? null : work);
  return { request: id, kind: shown, consumer: consumerConfig.name, model: model ?? null, client: client ?? null };
}

/** Times have one decimal in all that we tell. */
export function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** The same for what may not have happened. */
export function orNull(ms: number | undefined): number | null {
  return ms === undefined ? null : tenths(ms);
}
