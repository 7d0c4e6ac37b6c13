import { memberOf } from '../config/tree.ts';
import { ask, QUICK_MS, type Answer, type DaemonAddress, type Failure } from './client.ts';

/** What a lease is asked for with. */
export interface LeaseRequest extends DaemonAddress {
  /** A kind of request, or one consumer. */
  readonly subject: { readonly kind: string } | { readonly consumer: string };
  readonly ttlMs: number;
  /** Longest wait in the queue; null: the daemon's own. */
  readonly waitMs: number | null;
}

/** A lease as the daemon granted it. */
export interface Lease {
  readonly kind: 'lease';
  readonly id: string;
  readonly token: string;
  readonly consumer: string;
}

/** Takes a lease through the daemon's queue, however long that is. `signal` leaves the queue. Never throws. */
export async function takeLease({ url, key, subject, ttlMs, waitMs }: LeaseRequest, signal: AbortSignal): Promise<Lease | Failure> {
  const wait = waitMs === null ? {} : { wait: waitMs / 1000 };
  const answer = await ask({ url, key, method: 'POST', path: '/v1/leases', timeoutMs: null, body: { ...subject, ttl: ttlMs / 1000, ...wait }, signal });
  return answer.kind === 'answer' ? leaseIn(answer.body, url) : answer;
}

function leaseIn(body: unknown, url: string): Lease | Failure {
  const [id, token, consumer] = ['id', 'token', 'consumer'].map((key) => memberOf(body, key));
  if (typeof id === 'string' && typeof token === 'string') return { kind: 'lease', id, token, consumer: String(consumer) };
  return { kind: 'stranger', message: `${url} answers, but not as mGPUmanager does` };
}

/** A lease is renewed when this share of its life has passed … */
const RENEWED_AFTER = 1 / 3;
/** … and, when that fails, again after this share, so that there are several tries left. */
const TRIED_AGAIN_AFTER = 1 / 12;

/** What a keeper works with. */
export interface KeeperParts extends DaemonAddress {
  readonly lease: Lease;
  readonly ttlMs: number;
  /** Called once, when the daemon no longer knows the lease. */
  onLost(message: string): void;
}

/** Renews a lease until it is given back or lost. */
export class LeaseKeeper {
  readonly #parts: KeeperParts;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#renewLater(RENEWED_AFTER);
  }

  /** Stops renewing and gives the lease back. A lease that is lost is none to give back. Returns why it could not be; null: it was. */
  async end(): Promise<string | null> {
    clearTimeout(this.#timer);
    this.#ending.abort();
    const answer = await this.#ask('DELETE', QUICK_MS);
    return answer.kind === 'answer' || lossIn(answer) !== null ? null : answer.message;
  }

  #renewLater(share: number): void {
    this.#timer = setTimeout(() => void this.#renew(), this.#parts.ttlMs * share).unref();
  }

  async #renew(): Promise<void> {
    const { ttlMs, onLost } = this.#parts;
    const answer = await this.#ask('PUT', Math.min(QUICK_MS, ttlMs * RENEWED_AFTER));
    if (this.#ending.signal.aborted) return;
    const loss = lossIn(answer);
    if (loss !== null) onLost(loss);
    else this.#renewLater(answer.kind === 'answer' ? RENEWED_AFTER : TRIED_AGAIN_AFTER);
  }

  #ask(method: 'PUT' | 'DELETE', timeoutMs: number): Promise<Answer> {
    const { url, key, lease, ttlMs } = this.#parts;
    const question = { url, key, method, path: `/v1/leases/${encodeURIComponent(lease.id)}`, timeoutMs, headers: { 'X-GPU-Lease': lease.token } };
    return ask(method === 'PUT' ? { ...question, body: { ttl: ttlMs / 1000 }, signal: this.#ending.signal } : question);
  }
}

/** How the daemon says that there is no such lease any more; null: it does not. */
function lossIn(answer: Answer): string | null {
  return answer.kind === 'error' && answer.error === 'lease_expired' ? answer.message : null;
}
