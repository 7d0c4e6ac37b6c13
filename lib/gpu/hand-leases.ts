import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { ConsumerConfig } from '../config/types.ts';
import type { GatedConsumer, GrantedLease, QueuedLease } from '../core/gating.ts';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { HeldLease } from './held-lease.ts';
import type { Completion } from './ports.ts';

/** What the leases taken by hand work with. */
export interface HandLeaseServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly completion: Completion;
}

/** A lease that has just been granted and is to be held by hand. */
export interface Grant {
  readonly lease: QueuedLease;
  readonly consumer: GatedConsumer;
  readonly consumerConfig: ConsumerConfig;
  /** How long it lives unless it is renewed, ms. */
  readonly ttlMs: number;
}

/** A lease as its holder is told of it. */
export interface LeasePass {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: Date;
}

/** A lease as everybody may see it. */
export interface LeaseFacts {
  readonly id: string;
  readonly consumer: string;
  readonly expiresAt: Date;
  /** Requests that run inside it. */
  readonly running: number;
  /** It takes no more requests and ends with the last one that runs. */
  readonly isEnding: boolean;
}

/** Requests at the same time inside one lease: no queue bounds them. */
const MOST_INSIDE = 64;
/** Random bits of a token, which is all that is asked for; 128 cannot be guessed. */
const TOKEN_BYTES = 24;
const ID_BYTES = 6;

/** Leases that clients hold over several requests. One that is not renewed ends by itself, so that none can block the card for ever. */
export class HandLeases {
  readonly #services: HandLeaseServices;
  readonly #leases = new Map<string, HeldLease>();

  constructor(services: HandLeaseServices) {
    this.#services = services;
  }

  /** Takes over a granted lease. The token is told this once. */
  hold({ lease, consumer, consumerConfig, ttlMs }: Grant): LeasePass {
    const { clock, logger } = this.#services;
    const id = randomBytes(ID_BYTES).toString('hex');
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const onEnded = (): void => {
      this.#leases.delete(id);
      logger.info('lease by hand ended', { lease: id, consumer: consumer.name });
    };
    const held = new HeldLease({ ...this.#services, lease, consumer, consumerConfig, token, onEnded });
    this.#leases.set(id, held);
    lease.onCancel(() => held.end());
    const expiresAt = held.extend(ttlMs);
    logger.info('lease by hand granted', { lease: id, consumer: consumer.name, ttl_ms: ttlMs, at: clock.wall().toISOString() });
    return { id, token, expiresAt };
  }

  /**
   * Lets a request run inside the lease whose token it carries.
   * @throws BrokerError `leaseExpired`, or `leaseMismatch` if the lease is for another consumer.
   */
  enter(token: string, { consumer, requestId }: { readonly consumer: GatedConsumer; readonly requestId: string }): GrantedLease {
    const [id, held] = [...this.#leases].find(([, each]) => each.isHeldWith(token)) ?? [];
    if (held === undefined || held.isEnding) throw expired();
    if (held.consumer !== consumer) {
      throw new BrokerError('leaseMismatch', `the lease is for ${held.consumer.name}, not for ${consumer.name}`, { consumer: consumer.name });
    }
    if (held.running >= MOST_INSIDE) {
      const message = `${MOST_INSIDE} requests run inside the lease already`;
      throw new BrokerError('queueFull', message, { consumer: consumer.name, retryAfterS: 1 });
    }
    this.#services.logger.debug('lease by hand used', { lease: id, id: requestId });
    return held.enter();
  }

  /**
   * Lets a lease live for so long from now. Returns when it will expire.
   * @throws BrokerError `leaseExpired`, or `leaseMismatch` if the token is another lease's.
   */
  renew(id: string, token: string, ttlMs: number): Date {
    const held = this.#leases.get(id);
    if (held === undefined || held.isEnding) throw expired();
    if (!held.isHeldWith(token)) throw notItsToken(id);
    return held.extend(ttlMs);
  }

  /**
   * Ends a lease as soon as what runs inside it has ended. Without a token anybody may, so that a person can free the card.
   * @throws BrokerError `leaseExpired`, or `leaseMismatch` if the token is another lease's.
   */
  release(id: string, token: string | undefined): void {
    const held = this.#leases.get(id);
    if (held === undefined) throw expired();
    if (token !== undefined && !held.isHeldWith(token)) throw notItsToken(id);
    held.end();
  }

  /** Ends all of them; for the end of the process. */
  endAll(): void {
    for (const held of this.#leases.values()) held.end();
  }

  /** All that live, oldest first. */
  list(): LeaseFacts[] {
    return [...this.#leases].map(([id, { consumer, expiresAt, running, isEnding }]) => ({ id, consumer: consumer.name, expiresAt, running, isEnding }));
  }
}

function notItsToken(id: string): BrokerError {
  return new BrokerError('leaseMismatch', `X-GPU-Lease is not the token of lease ${id}`);
}

function expired(): BrokerError {
  return new BrokerError('leaseExpired', 'there is no such lease, or it has expired');
}
