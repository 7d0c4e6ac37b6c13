import type { AlreadyDone, ConfigFile, ConsumerFile, Timeouts, UnloadHook } from './types.gen.ts';

export type { BusyCheck, CancelCall, Completion, HealthCheck, ModelFile, PathTarget, ResidencyCheck, Timeouts } from './types.gen.ts';

/** How a consumer takes the OpenAI paths. */
export type PathStyle = ConsumerFile['path_style'];

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
export interface ConsumerConfig extends Readonly<Omit<ConsumerFile, 'url' | 'load' | 'unload' | 'timeouts' | 'images'>> {
  readonly name: string;
  /** Scheme, host and port, without a trailing slash. */
  readonly url: string;
  /** null: it has none. `systemd_unit` gives both. */
  readonly load: Hook | null;
  readonly unload: Hook | null;
  /** The consumer's own, else those at the top of the file. */
  readonly timeouts: Readonly<Timeouts>;
  /** null: none, it makes no images for OpenAI's clients. */
  readonly images: ImageTemplate | null;
}

/** A node of a ComfyUI workflow in API format, with whatever else the export has put into it. */
export interface WorkflowNode {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** A workflow that makes images, and where in it the values of a request go. */
export interface Workflow {
  /** By id. */
  readonly nodes: Readonly<Record<string, WorkflowNode>>;
  /** By what goes there. */
  readonly inputs: Readonly<Record<'prompt', NodeInput>> & Readonly<Partial<Record<'width' | 'height' | 'seed' | 'count', NodeInput>>>;
  /** The node whose images are answered; null: all that is saved. */
  readonly output: string | null;
}

/** One input of a node; `node` is its id. */
export interface NodeInput {
  readonly node: string;
  readonly input: string;
}

/** How a consumer makes images for OpenAI's clients. */
export interface ImageTemplate extends Workflow {
  readonly maxCount: number;
  /** px. */
  readonly maxSide: number;
}

/** Where requests for a model go, and how they are changed. */
export interface ModelRoute {
  /** As configured; with * at its end it stands for all names that begin so. */
  readonly name: string;
  readonly consumer: string;
  /** Name that the consumer knows it by, * for the rest of a name that begins so; null: the one that was asked for. */
  readonly useModelName: string | null;
  readonly strip: readonly string[];
  readonly set: Readonly<Record<string, unknown>>;
  /** null: the consumer's own. */
  readonly pathStyle: PathStyle | null;
  readonly voices: readonly string[];
}

/** All models, ready to be looked up. */
export interface ModelTable {
  /** By name and by alias. */
  readonly names: ReadonlyMap<string, ModelRoute>;
  /** The longest first. */
  readonly prefixes: readonly { readonly prefix: string; readonly route: ModelRoute }[];
}

/** The whole configuration, frozen. Durations are in ms, sizes in bytes, memory in MiB. */
export interface Config extends Readonly<Omit<ConfigFile, 'consumers' | 'models'>> {
  readonly consumers: ReadonlyMap<string, ConsumerConfig>;
  readonly models: ModelTable;
}
