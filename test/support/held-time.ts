import type { Pause } from '../../lib/demo/servers/pace.ts';

/** A demo server's time, which a test can hold. While it goes on, nothing takes any time. */
export class HeldTime {
  /** How long the server meant to pause each time, ms. */
  readonly pauses: number[] = [];
  /** Pauses under way. */
  pending = 0;
  /** Pauses that ended because their client had left. */
  aborted = 0;
  #going: Promise<void> = Promise.resolve();
  #go: () => void = () => undefined;

  readonly pause: Pause = async (ms, signal) => {
    this.pauses.push(ms);
    this.pending += 1;
    try {
      await Promise.race([this.#going, rejectionOf(signal)]);
      signal?.throwIfAborted();
    } catch (error) {
      this.aborted += 1;
      throw error;
    } finally {
      this.pending -= 1;
    }
  };

  hold(): void {
    this.#going = new Promise((resolve) => {
      this.#go = resolve;
    });
  }

  /** Lets it go on, for good or until the next `hold`. */
  go(): void {
    this.#go();
    this.#going = Promise.resolve();
  }
}

function rejectionOf(signal: AbortSignal | undefined): Promise<never> {
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
