import type { AdmissionTimes, GatedConsumer, GateRequest, Place } from '../core/gating.ts';
import type { Lease } from './lease.ts';

/** What p-queue calls to start a task. */
export type Run = () => Promise<unknown>;

/**
 * One waiting request, from asking to grant, refusal or leaving. It settles exactly once. Its links belong to the lane
 * that it waits in (one that waits in none is linked to itself), so that leaving costs the same however many wait.
 */
export class Ticket implements Place {
  readonly request: GateRequest;
  readonly sequence: number;
  readonly enqueuedAt: number;
  readonly priority: number;
  readonly times: AdmissionTimes = {};
  /** Rejects with a BrokerError, or with `CLIENT_LEFT` when the client is gone. null: work by hand is done. */
  readonly outcome: Promise<Lease | null>;
  previous: Ticket = this;
  next: Ticket = this;
  timer: NodeJS.Timeout | undefined;
  /** Consumers that work for others and have to end that first, and when that was found, monotonic ms; null: none. */
  heldBy: { readonly consumers: readonly GatedConsumer[]; readonly at: number } | null = null;
  /** Since when room is made for it, monotonic ms; null: its turn has not come. */
  admittedAt: number | null = null;
  /** Whom it has had unloaded, and how long that took until the memory was free, ms. */
  readonly unloads: { readonly consumer: GatedConsumer; readonly ms: number }[] = [];
  /** Starts it in p-queue; undefined until p-queue has taken it. */
  run: Run | undefined;
  #settled = false;
  #resolve: (lease: Lease | null) => void;
  #reject: (reason: unknown) => void;

  constructor(request: GateRequest, sequence: number, enqueuedAt: number) {
    this.request = request;
    this.sequence = sequence;
    this.enqueuedAt = enqueuedAt;
    this.priority = request.work === 'exchange' ? request.consumerConfig.priority : BY_HAND;
    const { promise, resolve, reject } = Promise.withResolvers<Lease | null>();
    this.outcome = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /** Names of those whose work for others it waits for. */
  get holders(): readonly string[] {
    return (this.heldBy?.consumers ?? []).filter(({ isWorkingForOthers }) => isWorkingForOthers).map(({ name }) => name);
  }

  /** Says how the waiting ended. Only the first call counts; returns whether it was this one. */
  settle(outcome: { readonly lease: Lease | null } | { readonly error: unknown }): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.timer);
    if ('error' in outcome) this.#reject(outcome.error);
    else this.#resolve(outcome.lease);
    return true;
  }
}

/** A person who frees the card by hand comes before every request. */
const BY_HAND = Number.POSITIVE_INFINITY;
