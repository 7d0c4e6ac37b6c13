import { Waiters } from './llama-wait.ts';

/** A place for one request among those that are computed together. */
export interface Slot {
  readonly id: number;
  busy: boolean;
  /** Number of the request that has it, or had it last; -1 before the first. */
  task: number;
  /** Tokens made for that request. */
  decoded: number;
}

/** The slots of one model. Requests beyond them are deferred, first come first served. */
export class Slots {
  readonly all: readonly Slot[];
  readonly #deferred = new Waiters<Slot>();
  #tasks = 0;

  constructor(count: number) {
    this.all = Array.from({ length: count }, (_, id) => ({ id, busy: false, task: -1, decoded: 0 }));
  }

  /** Requests that have a slot. */
  get processing(): number {
    return this.all.filter(({ busy }) => busy).length;
  }

  get deferred(): number {
    return this.#deferred.size;
  }

  /** Resolves with a slot of its own. Rejects with the signal's reason, and takes none then. */
  async take(signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted();
    const slot = this.all.find(({ busy }) => !busy) ?? (await this.#deferred.wait(signal));
    this.#tasks += 1;
    return Object.assign(slot, { busy: true, task: this.#tasks, decoded: 0 });
  }

  /** It stays busy when it is handed on, so that nobody can slip in. */
  release(slot: Slot): void {
    if (!this.#deferred.next(slot)) slot.busy = false;
  }
}
