import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { ConsumerConfig } from '../config/types.ts';
import type { GatedConsumer, GrantedLease } from '../core/gating.ts';
import { mayStillWork, NO_TRACE } from '../core/job.ts';
import type { JobTrace } from '../core/job.ts';
import type { JobReach } from '../core/residency.ts';
import type { Completion } from './ports.ts';

/** What one lease by hand is made of. */
export interface HeldLeaseParts {
  readonly clock: Clock;
  readonly completion: Completion;
  readonly lease: GrantedLease;
  readonly consumer: GatedConsumer;
  readonly consumerConfig: ConsumerConfig;
  readonly token: string;
  onEnded(): void;
}

/** A lease that a client holds over several requests, until it gives it back or lets it expire. */
export class HeldLease {
  readonly #parts: Omit<HeldLeaseParts, 'token'>;
  readonly #tokenHash: Buffer;
  #timer: NodeJS.Timeout | undefined;
  #expiresAt = new Date(0);
  #running = 0;
  #reach: JobReach = 'not_sent';
  #isEnding = false;

  constructor({ token, ...parts }: HeldLeaseParts) {
    this.#parts = parts;
    this.#tokenHash = hashOf(token);
  }

  get consumer(): GatedConsumer {
    return this.#parts.consumer;
  }

  /** Compared in constant time. */
  isHeldWith(token: string): boolean {
    return timingSafeEqual(this.#tokenHash, hashOf(token));
  }

  get expiresAt(): Date {
    return this.#expiresAt;
  }

  get running(): number {
    return this.#running;
  }

  /** It takes no more requests. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Lets it live for so long from now. */
  extend(ttlMs: number): Date {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), ttlMs);
    this.#expiresAt = new Date(this.#parts.clock.wall().getTime() + ttlMs);
    return this.#expiresAt;
  }

  /** The part of one request in it; it ends when its consumer has stopped working for that request. */
  enter(): GrantedLease {
    this.#running += 1;
    let isReleased = false;
    return {
      queuedMs: 0,
      times: {},
      release: (reach, trace = NO_TRACE) => {
        if (isReleased) return;
        isReleased = true;
        void this.#leave(reach, trace);
      },
    };
  }

  /** Takes no more requests, and gives the card back when the last one has ended. More than once does no harm. */
  end(): void {
    clearTimeout(this.#timer);
    this.#isEnding = true;
    if (this.#running > 0) return;
    this.#parts.lease.release(this.#reach);
    this.#parts.onEnded();
  }

  async #leave(reach: JobReach, trace: JobTrace): Promise<void> {
    const { completion, consumerConfig } = this.#parts;
    if (reach !== 'not_sent' && mayStillWork(consumerConfig, trace)) await completion.ended(consumerConfig, trace);
    this.#running -= 1;
    this.#reach = further(this.#reach, reach);
    if (this.#isEnding) this.end();
  }
}

/** Only this is kept, so that no dump of ours holds a token. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** How far the farthest request came. */
function further(a: JobReach, b: JobReach): JobReach {
  const order: readonly JobReach[] = ['not_sent', 'sent', 'served'];
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}
