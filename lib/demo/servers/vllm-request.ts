import { CutShort } from './llama-emit.ts';
import type { Turn } from './llama-emit.ts';
import type { Door } from './llama-wait.ts';
import type { Pause } from './pace.ts';

/** What a request needs of its engine. */
export interface RequestOptions {
  /** Aborts when its client has left. */
  readonly client: AbortSignal;
  /** A request passes once, before it begins. */
  readonly admission: Door;
  /** Running ones pass before every step. */
  readonly flow: Door;
  readonly pause: Pause;
  /** Records that it begins to work on the card; what it returns ends that. */
  readonly work: () => () => void;
  readonly produced: () => void;
}

/** A request in vLLM's engine: waits until the scheduler takes it, and is computed step by step. */
export class EngineRequest implements Turn {
  readonly #options: RequestOptions;
  readonly #cut = new AbortController();
  readonly #signal: AbortSignal;
  #started = false;
  #end: (() => void) | null = null;

  constructor(options: RequestOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.client, this.#cut.signal]);
  }

  /** Whether the scheduler has taken it. */
  get started(): boolean {
    return this.#started;
  }

  readonly tick = async (ms: number): Promise<void> => {
    const { admission, flow, pause, work } = this.#options;
    if (!this.#started) await admission.pass(this.#signal);
    this.#started = true;
    if (!flow.isOpen) this.done();
    await flow.pass(this.#signal);
    this.#signal.throwIfAborted();
    this.#end ??= work();
    await pause(ms, this.#signal);
  };

  readonly produced = (): void => this.#options.produced();

  /** It works no more, or not until its next step. */
  readonly done = (): void => {
    this.#end?.();
    this.#end = null;
  };

  /** Ends it with what there is, as if it were complete. */
  cutShort(): void {
    this.#cut.abort(new CutShort('abort'));
  }

  fail(error: Error): void {
    this.#cut.abort(error);
  }
}
