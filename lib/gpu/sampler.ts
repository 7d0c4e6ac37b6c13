import type { Clock } from '../clock.ts';
import type { Reading, Sample } from '../core/model.ts';
import type { Logger } from '../logger.ts';

/** What the sampler needs of a card. `read` is never called while it runs. */
export interface CardReader {
  read(): Promise<Reading>;
  /** Ends a reading under way. */
  stop(): Promise<void>;
}

export interface SamplerOptions {
  readonly reader: CardReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time between two readings, ms. Asked each time, so that a reload of the config takes effect. */
  readonly pollInterval: () => number;
}

/** A request that waits for a fresh sample goes on without it after this. */
const FRESH_LIMIT_MS = 1000;
/** CONTRACT: no lease before one sample has arrived or failed, 2 s at most. */
const FIRST_LIMIT_MS = 2000;
/** Longest time between two attempts to read a card that fails. */
const MAX_BACKOFF_MS = 30_000;
/** A sample that missed three polls is no longer current, but with a fast poll one slow reading must not make it so. */
const MAX_AGE_POLLS = 3;
const MIN_MAX_AGE_MS = 10_000;

/** Reads the card in the background and keeps the newest sample. Never two readings at once. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #listeners = new Set<(sample: Sample) => void>();
  readonly #readingListeners = new Set<(reading: Reading) => void>();
  #latest: Reading | null = null;
  #lastSample: Sample | null = null;
  #failuresInRow = 0;
  #inFlight: { readonly startedAt: number; readonly reading: Promise<Reading> } | null = null;
  #next: Promise<Reading> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #startedAt: number | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Begins to poll. */
  start(): void {
    if (this.#startedAt !== null || this.#stopping !== null) return;
    this.#startedAt = this.#options.clock.now();
    void this.#measure();
  }

  /** Ends for good; a reading under way is killed. Resolves within about a second, even if nvidia-smi cannot be killed. */
  stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping ??= this.#options.reader.stop();
    return this.#stopping;
  }

  /** How the newest reading went; a sample that is too old to be called current counts as failed. null: none has ended yet. */
  latest(): Reading | null {
    if (this.#latest === null || !this.#latest.ok || this.#isCurrent(this.#latest.sample)) return this.#latest;
    const { startedAt } = this.#latest.sample;
    const ageS = Math.round((this.#options.clock.now() - startedAt) / 1000);
    return { ok: false, startedAt, error: `the last sample is ${ageS} s old` };
  }

  /** The newest sample, however old. */
  lastSample(): Sample | null {
    return this.#lastSample;
  }

  /**
   * A sample whose measurement began at or after `since` (monotonic, ms): the newest one if it will do, else one that is
   * measured now and shared by all who ask. null: that reading failed or took longer than 1 s.
   */
  async fresh(since: number): Promise<Sample | null> {
    const sample = this.#lastSample;
    if (sample !== null && sample.startedAt >= since && this.#isCurrent(sample)) return sample;
    if (this.#stopping !== null) return null;
    const reading = await within(this.#readingBegunAfter(since), FRESH_LIMIT_MS);
    return reading?.ok === true && reading.sample.startedAt >= since ? reading.sample : null;
  }

  /** Resolves when the first reading has ended, well or not, or 2 s after the start. */
  async first(): Promise<void> {
    if (this.#latest !== null || this.#startedAt === null || this.#inFlight === null) return;
    const leftMs = this.#startedAt + FIRST_LIMIT_MS - this.#options.clock.now();
    if (leftMs > 0) await within(this.#inFlight.reading, leftMs);
  }

  /** Calls `listener` with each sample from now on. Returns the way to end that. */
  onSample(listener: (sample: Sample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` with each reading from now on, well or not, once those who want samples have it. */
  onReading(listener: (reading: Reading) => void): void {
    this.#readingListeners.add(listener);
  }

  /** Joins the reading under way if it began late enough, else the one after it. */
  #readingBegunAfter(since: number): Promise<Reading> {
    if (this.#inFlight === null || this.#inFlight.startedAt >= since) return this.#measure();
    this.#next ??= this.#inFlight.reading.then(() => {
      this.#next = null;
      return this.#measure();
    });
    return this.#next;
  }

  #measure(): Promise<Reading> {
    if (this.#inFlight !== null) return this.#inFlight.reading;
    clearTimeout(this.#timer);
    const startedAt = this.#options.clock.now();
    const failed = (error: unknown): Reading => ({ ok: false, startedAt, error: String(error) });
    if (this.#stopping !== null) return Promise.resolve(failed('stopped'));
    const reading = this.#options.reader.read().catch(failed).then((ended) => this.#ended(ended));
    this.#inFlight = { startedAt, reading };
    return reading;
  }

  #ended(reading: Reading): Reading {
    this.#inFlight = null;
    // What a killed reading says is no news.
    if (this.#stopping !== null) return reading;
    this.#logChange(reading);
    this.#latest = reading;
    this.#failuresInRow = reading.ok ? 0 : this.#failuresInRow + 1;
    this.#schedule();
    if (reading.ok) this.#publish(reading.sample);
    for (const listener of this.#readingListeners) listener(reading);
    return reading;
  }

  #schedule(): void {
    if (this.#startedAt === null) return;
    const delayMs = pollDelayMs(this.#options.pollInterval(), this.#failuresInRow);
    this.#timer = setTimeout(() => void this.#measure(), delayMs).unref();
  }

  #publish(sample: Sample): void {
    this.#lastSample = sample;
    for (const listener of this.#listeners) {
      try {
        listener(sample);
      } catch (error) {
        this.#options.logger.error('a listener of GPU samples failed', { error });
      }
    }
  }

  #logChange(reading: Reading): void {
    if (this.#latest?.ok === reading.ok) return;
    const { logger } = this.#options;
    if (!reading.ok) return logger.warn('the GPU cannot be read', { error: reading.error });
    const { name, uuid, totalMib, freeMib } = reading.sample;
    logger.info('the GPU can be read', { name, uuid, totalMib, freeMib });
  }

  #isCurrent(sample: Sample): boolean {
    const maxAgeMs = Math.max(MIN_MAX_AGE_MS, MAX_AGE_POLLS * this.#options.pollInterval());
    return this.#options.clock.now() - sample.startedAt <= maxAgeMs;
  }
}

/** Time until the next reading, ms: twice as long after each failure, up to 30 s. */
export function pollDelayMs(intervalMs: number, failuresInRow: number): number {
  return Math.min(intervalMs * 2 ** failuresInRow, Math.max(intervalMs, MAX_BACKOFF_MS));
}

/** What `promise` resolves to, or null after `limitMs`. */
async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, limitMs, null);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
