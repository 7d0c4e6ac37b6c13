import type { ServerResponse } from 'node:http';
import type { Config, ConsumerConfig } from '../config/types.ts';
import type { EventType } from '../core/events.ts';
import type { Canceller, GatedConsumer, GateRequest, GrantedLease, Pause, Place, QueuedLease } from '../core/gating.ts';
import type { HistoryQuery } from '../core/history-query.ts';
import type { Plan } from '../core/plan.ts';
import type { ReadinessFacts } from '../core/readiness.ts';
import type { KeptLine } from '../core/log-lines.ts';
import type { StatusFacts } from '../core/status.ts';

/** What our own routes ask of the daemon. Only `plan` may wait for a reading of the card, 1 s at most. */
export interface ApiServices {
  status(): StatusFacts;
  readiness(): ReadinessFacts;
  /** The metrics as Prometheus reads them; waits for nothing but its turn. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
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
  readonly queue: Queue;
  readonly logLines: LogBook;
  readonly history: HistoryReader;
  /** Keeps the card from new work. Returns the pause that is on, which may be an earlier one. */
  pause(by: string): Pause;
  /** Returns the pause that this ends; null: there was none. */
  resume(): Pause | null;
  /** @throws BrokerError `paused` while the card is. */
  refuseIfPaused(): void;
}

/** Who waits for the card and who has it. */
export interface Queue {
  /** The body of `GET /v1/queue`; the same object as long as nothing was looked at anew. */
  report(): Readonly<Record<string, unknown>>;
  /** @throws BrokerError `not_in_queue` or `forbidden`. */
  cancel(id: string, by: Canceller): 'waiting' | 'running';
}

/** The leases that clients hold by hand. All but `hold` throw `leaseExpired` where there is none. */
export interface Leases {
  hold(grant: {
    readonly lease: QueuedLease;
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

/** What happened. */
export interface HistoryReader {
  /**
   * A page, written out; `next` is the id before which the next one begins, null: there is none.
   * @throws BrokerError `history_off`, `history_unavailable` or `overloaded`.
   */
  read(query: HistoryQuery, format: 'json' | 'csv'): Promise<{ readonly body: Uint8Array<ArrayBuffer>; readonly next: number | null }>;
}
