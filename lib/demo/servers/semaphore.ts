/** Lets at most `size` pieces of work run at once, first come first served; size 1 is a mutex. */
export class Semaphore {
  readonly #size: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Runs `work` when its turn has come. Its errors are passed on. */
  async run<T>(work: () => Promise<T> | T): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#size) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The place is handed on, never freed in between, so that nobody can slip in. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
