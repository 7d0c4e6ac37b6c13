import type { Config, ConsumerConfig } from '../config/types.ts';
import type { GatedConsumer, GateRequest, GrantedLease, Pause, Place } from '../core/gating.ts';
import type { Plan } from '../core/plan.ts';
import type { ReadinessFacts } from '../core/readiness.ts';
import type { KeptLine } from '../core/log-lines.ts';
import type { StatusFacts } from '../core/status.ts';

/** What our own routes ask of the daemon. Only `plan` may wait for a reading of the card, 1 s at most. */
export interface ApiServices {
  status(): StatusFacts;
  readiness(): ReadinessFacts;
  config(): Config;
  /** When this daemon began to serve. */
  startedAt(): Date;
  consumer(name: string): GatedConsumer | null;
  /** What an admission would do now, on a sample as fresh as it would ask for; nothing is done. null: no such consumer. */
  plan(name: string): Promise<Plan | null>;
  acquire(request: GateRequest): Place;
  leave(place: Place): void;
  enterLease(token: string, visitor: { readonly consumer: GatedConsumer; readonly requestId: string }): GrantedLease;
  readonly leases: Leases;
  readonly logLines: LogBook;
  /** Keeps the card from new work. Returns the pause that is on, which may be an earlier one. */
  pause(by: string): Pause;
  /** Returns the pause that this ends; null: there was none. */
  resume(): Pause | null;
  /** @throws BrokerError `paused` while the card is. */
  refuseIfPaused(): void;
}

/** The leases that clients hold by hand. All but `hold` throw `leaseExpired` where there is none. */
export interface Leases {
  hold(grant: {
    readonly lease: GrantedLease;
    readonly consumer: GatedConsumer;
    readonly consumerConfig: ConsumerConfig;
    readonly ttlMs: number;
  }): { readonly id: string; readonly token: string; readonly expiresAt: Date };
  renew(id: string, token: string, ttlMs: number): Date;
  release(id: string, token: string | undefined): void;
}

/** The newest lines of the log. */
export interface LogBook {
  /** Differs in each run, as the lines' numbers begin anew. */
  readonly boot: string;
  readonly followers: number;
  /** It takes no more followers. */
  readonly isClosed: boolean;
  /** Oldest first. */
  all(): readonly KeptLine[];
  /** Returns how to stop it. */
  follow(follower: { line(line: KeptLine): void; end(): void }): () => void;
}
