import type { AlreadyDone, ConfigFile, ConsumerFile, Timeouts, UnloadHook } from './types.gen.ts';

export type { BusyCheck, CancelCall, Completion, HealthCheck, PathTarget, ResidencyCheck, Timeouts } from './types.gen.ts';

/** What a request asks for. */
export const KINDS = ['tts', 'stt', 'llm', 'image'] as const;
export type Kind = (typeof KINDS)[number];

/** A call that loads or unloads a consumer. `timeout` is in ms. */
export type Hook =
  | {
      readonly type: 'http';
      readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
      readonly path: string;
      /** Sent as JSON; undefined sends no body. */
      readonly body: unknown;
      readonly headers: Readonly<Record<string, string>>;
      /** What an answer looks like when there is nothing to do; undefined: only a 2xx is good. */
      readonly already: Readonly<AlreadyDone> | undefined;
      /** Text that a good answer contains; undefined: any. */
      readonly expect: string | undefined;
      /** Statuses after which it is tried again until its timeout. */
      readonly retryStatus: readonly number[];
      readonly retryRefused: boolean;
      /** Called once for each item that the consumer lists as loaded, with its name for `{name}`. */
      readonly forEachLoaded: boolean;
      /** What it does to work that is under way; for messages. */
      readonly inFlight: UnloadHook['in_flight'];
      readonly timeout: number;
    }
  | { readonly type: 'command'; readonly argv: readonly [string, ...string[]]; readonly timeout: number };

/** One consumer as configured, with what the file leaves implicit filled in. */
export interface ConsumerConfig extends Readonly<Omit<ConsumerFile, 'url' | 'load' | 'unload' | 'timeouts'>> {
  readonly name: string;
  /** Scheme, host and port, without a trailing slash. */
  readonly url: string;
  /** null: it has none. `systemd_unit` gives both. */
  readonly load: Hook | null;
  readonly unload: Hook | null;
  /** The consumer's own, else those at the top of the file. */
  readonly timeouts: Readonly<Timeouts>;
}

/** The whole configuration, frozen. Durations are in ms, sizes in bytes, memory in MiB. */
export interface Config extends Readonly<Omit<ConfigFile, 'consumers'>> {
  readonly consumers: ReadonlyMap<string, ConsumerConfig>;
}
