import type { EventEmitter } from 'node:events';

/** The listeners of an event at one moment, so that those which a library adds later can be taken out again. */
export class ListenerMark {
  readonly #emitter: EventEmitter;
  readonly #event: string;
  readonly #kept: ReadonlySet<unknown>;

  constructor(emitter: EventEmitter, event: string) {
    this.#emitter = emitter;
    this.#event = event;
    this.#kept = new Set(emitter.listeners(event));
  }

  /** Takes out the listeners that were added since. */
  dropLater(): void {
    const later = this.#emitter.listeners(this.#event).filter((listener) => !this.#kept.has(listener));
    for (const listener of later.filter(isListener)) this.#emitter.off(this.#event, listener);
  }
}

/** Node's types know of its listeners only that they are functions. */
function isListener(value: unknown): value is (...args: unknown[]) => void {
  return typeof value === 'function';
}
