/** Those who wait for the same thing, in the order in which they came. Each gets a `T` when it is let go. */
export class Waiters<T = void> {
  readonly #waiting = new Set<(value: T) => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves when it is let go. Rejects with the signal's reason, and waits no longer then. */
  async wait(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(go);
        reject(signal?.reason);
      };
      const go = (value: T): void => {
        signal?.removeEventListener('abort', leave);
        resolve(value);
      };
      this.#waiting.add(go);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** Lets the first one go; false when nobody waits. */
  next(value: T): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    this.#waiting.delete(first);
    first(value);
    return true;
  }

  all(value: T): void {
    while (this.next(value));
  }
}

/** Work passes while it is open, and waits while it is closed. */
export class Door {
  readonly #waiters = new Waiters();
  #open = true;

  get isOpen(): boolean {
    return this.#open;
  }

  open(): void {
    this.#open = true;
    this.#waiters.all();
  }

  close(): void {
    this.#open = false;
  }

  /** Resolves once it is open. Rejects with the signal's reason. */
  async pass(signal: AbortSignal): Promise<void> {
    while (!this.#open) await this.#waiters.wait(signal);
  }
}
