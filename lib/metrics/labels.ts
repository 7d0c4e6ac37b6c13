import { KINDS } from '../config/types.ts';
import type { RequestFinished } from '../core/events.ts';
import { ERRORS } from '../errors.ts';

/** What stands for all that has no value of its own, so that nobody outside can make new series. */
export const OTHER = 'other';
/** Where there is no consumer. */
export const NO_CONSUMER = 'none';

const KNOWN_KINDS: ReadonlySet<string> = new Set([...KINDS, 'native', 'audio', 'lease', 'load', 'unload']);
const OWN_CODES: ReadonlySet<string> = new Set(Object.values(ERRORS).map(({ error }) => error));
/** Our own errors that say of a consumer how it did with a request that it was sent. */
const FAULTS_OF_CONSUMERS: ReadonlySet<string> = new Set([ERRORS.consumerTimeout.error, ERRORS.consumerError.error]);
/** What `rejectionLabel` may say. */
export const REJECTIONS: readonly string[] = [...OWN_CODES].filter((code) => !FAULTS_OF_CONSUMERS.has(code));
/** What `disconnectLabel` may say. */
export const PHASES = ['waiting', 'running', 'answering'] as const;

/** `own`: a path that is answered without any consumer. */
export function kindLabel(kind: string | null): string {
  if (kind === null) return 'own';
  return KNOWN_KINDS.has(kind) ? kind : OTHER;
}

/** The configured name; of one that a reload has taken out: other. */
export function consumerLabel(name: string | null, configured: ReadonlyMap<string, unknown>): string {
  if (name === null) return NO_CONSUMER;
  return configured.has(name) ? name : OTHER;
}

/** The code of our own error, else the class of the status. */
export function codeLabel({ error, status }: Pick<RequestFinished, 'error' | 'status'>): string {
  if (error !== null) return OWN_CODES.has(error) ? error : OTHER;
  return status === null ? 'none' : `${Math.floor(status / 100)}xx`;
}

/** Why the broker refused it; null: it did not. */
export function rejectionLabel({ error, status }: Pick<RequestFinished, 'error' | 'status'>): string | null {
  if (error === null || FAULTS_OF_CONSUMERS.has(error)) return null;
  // 503: it was ill and was not asked; 502: it was asked and broke off.
  if (error === ERRORS.consumerBroke.error && status !== ERRORS.consumerDown.status) return null;
  return OWN_CODES.has(error) ? error : OTHER;
}

/** How it ended for its client. */
export function outcomeLabel(finished: Pick<RequestFinished, 'error' | 'status' | 'cut'>): 'ok' | 'error' | 'rejected' | 'cut' | 'client_left' {
  if (finished.cut !== null) return isLeaving(finished) ? 'client_left' : 'cut';
  if (rejectionLabel(finished) !== null) return 'rejected';
  return finished.status !== null && finished.status < 400 ? 'ok' : 'error';
}

/** How far a request had come when its client left; null: that did not happen. */
export function disconnectLabel(finished: Pick<RequestFinished, 'cut' | 'queue_ms' | 'upstream_ms'>): (typeof PHASES)[number] | null {
  if (!isLeaving(finished)) return null;
  if (finished.upstream_ms !== null) return 'answering';
  return finished.queue_ms === null ? 'waiting' : 'running';
}

function isLeaving({ cut }: Pick<RequestFinished, 'cut'>): boolean {
  return cut === 'client left' || cut === 'client idle';
}
