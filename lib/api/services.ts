import type { ServerResponse } from 'node:http';
import type { Config, ConsumerConfig } from '../config/types.ts';
import type { EventType } from '../core/events.ts';
import type { GatedConsumer, GateRequest, GrantedLease, Pause, Place } from '../core/gating.ts';
import type { HistoryQuery } from '../core/history-query.ts';
import type { Plan } from '../core/plan.ts';
import type { ReadinessFacts } from '../core/readiness.ts';
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
  readonly watchers: EventWatchers;
  readonly history: HistoryReader;
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

/** Those who watch what happens. */
export interface EventWatchers {
  /**
   * Answers with a stream of events. `types` null: all; `lastEventId` null: the client has read nothing yet, and gets the snapshot first.
   * @throws BrokerError `overloaded` or `shutting_down`.
   */
  watch(
    res: ServerResponse,
    wish: {
      readonly types: ReadonlySet<EventType> | null;
      readonly lastEventId: string | null;
      snapshot(): Readonly<Record<string, unknown>>;
    },
  ): void;
}

/** What happened. */
export interface HistoryReader {
  /**
   * A page, written out; `next` is the id before which the next one begins, null: there is none.
   * @throws BrokerError `history_off`, `history_unavailable` or `overloaded`.
   */
  read(query: HistoryQuery, format: 'json' | 'csv'): Promise<{ readonly body: Uint8Array<ArrayBuffer>; readonly next: number | null }>;
}
