/**
 * What happens in the broker, as whoever watches is told: the event stream, the history and the metrics. Durations in ms, memory in MiB;
 * null: not known, or there is none. Names are those of the HTTP interface.
 */
export type Occurrence =
  | RequestWaiting
  | RequestGranted
  | RequestFinished
  | RequestReleased
  | ConsumerUnloading
  | ConsumerUnloaded
  | ConsumerLoading
  | ConsumerLoaded
  | ResidencyChanged
  | HealthChanged
  | ConfigReloaded
  | PauseChanged
  | CardSampled;

/** An occurrence with its place in the log. */
export type BrokerEvent = Occurrence & {
  /** Rises by one with each event of this run of the broker, from 1. */
  readonly id: number;
  /** Wall clock, ISO 8601. */
  readonly time: string;
};

/** What an event is called. */
export type EventType = Occurrence['type'];

/** Who asks for what. */
export interface RequestLabel {
  /** `X-Request-Id`. */
  readonly request: string;
  /** `tts`, `stt`, `llm`, `image`, `native`, `audio`, `lease`, `load` or `unload`; null: a path of ours. */
  readonly kind: string | null;
  readonly consumer: string | null;
  readonly model: string | null;
  /** Whose share of the queue it takes; null: the broker's own work. */
  readonly client: string | null;
}

/** It has taken its place in the queue. */
export interface RequestWaiting extends RequestLabel {
  readonly type: 'request_waiting';
}

/** It has the card. */
export interface RequestGranted extends RequestLabel {
  readonly type: 'request_granted';
  readonly queue_ms: number;
  readonly evict_ms: number | null;
  readonly load_ms: number | null;
}

/** An exchange has ended, however it ended; one that waited, or one that needed no card. */
export interface RequestFinished extends RequestLabel {
  readonly type: 'request_finished';
  readonly method: string;
  readonly path: string;
  /** Status of the answer; null: none was given. */
  readonly status: number | null;
  /** Code of our own error. */
  readonly error: string | null;
  /** Why it was cut in its middle, or `client left`. */
  readonly cut: string | null;
  readonly queue_ms: number | null;
  readonly evict_ms: number | null;
  readonly load_ms: number | null;
  /** Until the first byte of the consumer's answer. */
  readonly upstream_ms: number | null;
  readonly total_ms: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
}

/** It no longer has the card: its answer has ended, and its consumer has stopped working. */
export interface RequestReleased extends RequestLabel {
  readonly type: 'request_released';
  /** Since the grant. */
  readonly run_ms: number;
}

/** What an unloading is for. */
export interface UnloadingLabel {
  readonly consumer: string;
  /** The consumer that needs the room; null: it was unloaded by hand, or had been idle for too long. */
  readonly for: string | null;
  /** The request that needs it, or `idle`, `reload`. */
  readonly request: string;
  /** `room`: for another consumer; `idle`, `reload`: by the broker's own rules; `hand`: somebody asked for it. */
  readonly reason: 'room' | 'idle' | 'reload' | 'hand';
  /** The plan in words. */
  readonly explanation: string | null;
  readonly expected_mib: number | null;
}

/** Its unload hook begins. */
export interface ConsumerUnloading extends UnloadingLabel {
  readonly type: 'unloading';
}

/** The unloading has ended. */
export interface ConsumerUnloaded extends UnloadingLabel {
  readonly type: 'unloaded';
  readonly result: 'freed' | 'failed';
  /** What the card showed. */
  readonly freed_mib: number | null;
  readonly hook_ms: number | null;
  readonly settle_ms: number | null;
  /** Why it failed. */
  readonly error: string | null;
}

/** Its load hook begins. */
export interface ConsumerLoading {
  readonly type: 'loading';
  readonly consumer: string;
  /** The request that needs it, or `preload`. */
  readonly request: string;
}

/** The loading has ended. */
export interface ConsumerLoaded {
  readonly type: 'loaded';
  readonly consumer: string;
  readonly request: string;
  readonly result: 'ready' | 'failed';
  readonly load_ms: number;
  readonly error: string | null;
}

/** What is believed of a consumer's weights. */
export interface ResidencyChanged {
  readonly type: 'residency';
  readonly consumer: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** A consumer began or ceased to answer its probes. */
export interface HealthChanged {
  readonly type: 'health';
  readonly consumer: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** A new configuration was taken, or was not valid. */
export interface ConfigReloaded {
  readonly type: 'config';
  readonly result: 'reloaded' | 'refused';
  readonly problem: string | null;
}

/** The card was kept from new work by hand, or is no longer. */
export interface PauseChanged {
  readonly type: 'pause';
  readonly paused: boolean;
  readonly by: string | null;
}

/** A reading of the card. */
export interface CardSampled {
  readonly type: 'sample';
  readonly total_mib: number | null;
  readonly used_mib: number | null;
  readonly free_mib: number | null;
  /** By consumer, of those whose use is known. */
  readonly consumers: Readonly<Record<string, number>>;
  /** Of processes that belong to no consumer; null: it is not known of each. */
  readonly foreign_mib: number | null;
  /** Why it could not be read. */
  readonly error: string | null;
}

/** Is told what happens, in the turn in which it happens: it must be quick, and must not throw. */
export interface Witness {
  note(occurrence: Occurrence): void;
}
