import { constants } from 'node:os';

/** What asks a program to end. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** What a shell says of a process that a signal has ended. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Keeps the signals that ask this process to end from ending it, and tells of them. */
export class CaughtSignals {
  readonly #ending = new AbortController();
  readonly #listeners = new Set<(signal: NodeJS.Signals) => void>();
  #first: NodeJS.Signals | null = null;

  /** The first one; null: none yet. */
  get first(): NodeJS.Signals | null {
    return this.#first;
  }

  /** Fires with the first one. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  start(): void {
    for (const signal of ENDING) process.on(signal, this.#onSignal);
  }

  stop(): void {
    for (const signal of ENDING) process.off(signal, this.#onSignal);
  }

  /** Tells of each one that comes from now on. Returns what ends that. */
  tell(listener: (signal: NodeJS.Signals) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#first ??= signal;
    this.#ending.abort();
    for (const listener of this.#listeners) listener(signal);
  };
}
