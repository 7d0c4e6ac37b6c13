import type { Scope } from '../config/types.gen.ts';
import { KINDS } from '../config/types.ts';
import { doorOf } from './doors.ts';
import { OPERATIONS } from './operations.ts';

/** Of a request, what says which scope it needs. */
export interface ScopedRequest {
  readonly method: string;
  readonly path: string;
  /** It came to a port of a consumer's own. */
  readonly isOwnPort: boolean;
  /** It carries what may be the token of a lease; whether it is one is looked at later. */
  readonly hasLeaseToken: boolean;
}

const OPERATION_PATHS: ReadonlySet<string> = new Set(OPERATIONS.map(({ path }) => path));
const WORK = new RegExp(`^/v1/(?:${KINDS.join('|')})$|^/audio/.`);
const LEASES = /^\/v1\/leases(?:\/|$)/;
const QUEUED = /^\/v1\/queue\/./;
/** The page and its files, in which there is no data: it is where a key is typed in. */
const DASHBOARD = /^\/ui(?:\/|$)/;
/** Wider than the routes, so that no further path below them is open by mistake. */
const BY_HAND = /^\/v1\/(?:consumers|logs|pause|resume)(?:\/|$)|^\/models\/(?:load|unload)(?:\/|$)/;
/**
 * At a consumer's own paths its clients and its page need these every day: Ollama's clients read with POST, ComfyUI's page saves with it. DELETE
 * and the rarer ones take something away.
 */
const DAILY_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH']);

/** The scope that a request needs; null: none. What does not exist needs `read`, so that only those who may look are told so. */
export function scopeNeeded({ method, path, isOwnPort, hasLeaseToken }: ScopedRequest): Scope | null {
  if (isOwnPort || doorOf(path) !== null) return DAILY_METHODS.has(method) ? 'infer' : 'admin';
  if (path === '/healthz' || method === 'OPTIONS' || DASHBOARD.test(path)) return null;
  if (BY_HAND.test(path)) return 'admin';
  if (QUEUED.test(path)) return 'infer';
  if (LEASES.test(path)) return method === 'DELETE' && !hasLeaseToken ? 'admin' : 'infer';
  return WORK.test(path) || OPERATION_PATHS.has(path) ? 'infer' : 'read';
}

/** The scope that it needs to touch what others have asked for; null: that makes no difference. */
export function scopeForOthers({ method, path, isOwnPort }: ScopedRequest): Scope | null {
  return !isOwnPort && method !== 'OPTIONS' && QUEUED.test(path) ? 'admin' : null;
}
