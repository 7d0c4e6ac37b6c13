import type { BrokerEvent } from '../lib/core/events.ts';

// What the page knows and is told. Only types: the browser never loads this file. Times are RFC 3339 on the wire and ms of the wall clock inside.

/** A consumer as `GET /v1/status` says it, in the members that the page shows. */
export interface Consumer {
  readonly name: string;
  readonly url?: string;
  readonly healthy: boolean | null;
  readonly loaded: boolean | null;
  readonly residency: string;
  readonly gpu_resident_mib: number | null;
  readonly vram_budget_mib: number | null;
  readonly loadable?: boolean;
  readonly preset?: string;
  readonly systemd_unit?: string;
  readonly last_error?: string;
  readonly total_requests?: number;
}

/** `GET /v1/status`, in the members that the page shows. */
export interface Status {
  readonly version?: string;
  readonly time?: string;
  readonly draining?: boolean;
  readonly config?: { readonly reload_error?: string };
  readonly gpu: {
    readonly name?: string | null;
    readonly total_mib: number | null;
    readonly used_mib: number | null;
    readonly free_mib: number | null;
    readonly last_sample?: string | null;
    readonly foreign?: readonly { readonly pid: number; readonly name: string; readonly mib: number | null }[] | null;
    readonly err?: string | undefined;
  };
  readonly consumers: readonly Consumer[];
  readonly paused?: Pause | null;
}

export interface Pause {
  readonly since?: string;
  readonly by: string | null;
}

export interface Entry {
  readonly id: string;
  readonly request_id?: string;
  readonly kind: string | null;
  readonly consumer: string | null;
  readonly model: string | null;
  readonly client: string | null;
  readonly since: string;
}

export interface RunningEntry extends Entry {
  readonly run_ms: number;
  readonly expected_ms: number | null;
}

export interface WaitingEntry extends Entry {
  readonly position: number;
  readonly wait_ms: number;
  readonly estimated_start?: string | null;
  readonly estimated_wait_ms: number | null;
  readonly estimated_wait_range_ms: readonly [number, number] | null;
  /** `measured`, or why there is no estimate. */
  readonly estimate?: string | null;
  /** Room is being made for it. */
  readonly admitting?: boolean;
  readonly will_evict?: readonly { readonly consumer: string; readonly frees_mib: number | null }[] | null;
  readonly held_by?: readonly string[];
}

/** `GET /v1/queue`. */
export interface Queue {
  readonly running: readonly RunningEntry[];
  readonly waiting: readonly WaitingEntry[];
  readonly waiting_total: number;
  readonly paused?: unknown;
}

/** First event of `GET /v1/events`. */
export interface Snapshot {
  readonly boot: string;
  readonly last_id: number;
  readonly status: Status;
  readonly queue?: Queue;
  readonly events: readonly BrokerEvent[];
}

/** A row of the timeline. A row that is under way has no result. */
export interface Row {
  /** The run of the broker and the id of the event that made it; unique. */
  readonly key: string;
  readonly at: number;
  readonly what: 'unload' | 'load' | 'pause' | 'config' | 'restart';
  readonly consumer: string | null;
  readonly result: 'running' | 'done' | 'failed' | 'lost';
  /** For which consumer, or by whose rule. */
  readonly for: string | null;
  readonly reason: string | null;
  readonly explanation: string | null;
  readonly expectedMib: number | null;
  readonly freedMib: number | null;
  readonly ms: number | null;
  readonly error: string | null;
}

/** A reading of the card. */
export interface Reading {
  readonly at: number;
  readonly totalMib: number | null;
  readonly usedMib: number | null;
  readonly freeMib: number | null;
  readonly consumers: Readonly<Record<string, number>>;
  readonly foreignMib: number | null;
  readonly error: string | null;
}

/** From when on a consumer was how. */
export interface HealthChange {
  readonly at: number;
  readonly to: string;
}

/** All that the page shows of the broker. */
export interface View {
  /** The run of the broker that was last heard of. */
  readonly boot: string | null;
  /** The newest event of that run that is in here. */
  readonly lastId: number;
  /** Until a snapshot comes; what is told meanwhile is in that snapshot. */
  readonly isStale: boolean;
  readonly status: Status | null;
  readonly queue: Queue | null;
  /** Newest first. */
  readonly rows: readonly Row[];
  /** Oldest first. */
  readonly readings: readonly Reading[];
  readonly health: Readonly<Record<string, readonly HealthChange[]>>;
}

export type Action =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot; readonly at: number }
  | { readonly type: 'reset' }
  | { readonly type: 'lost'; readonly at: number }
  | { readonly type: 'event'; readonly event: BrokerEvent }
  | { readonly type: 'queue'; readonly queue: Queue }
  | { readonly type: 'status'; readonly status: Status; readonly at: number };

export type { BrokerEvent };
