import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late things were done because something else was being done, ms. */
export interface LoopDelays {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Between two looks; each is late by as much as the loop was held up. ms */
const RESOLUTION_MS = 20;
/** What is told is of the last one to two of these: long enough for a person to see it after it happened. ms */
const WINDOW_MS = 30_000;

/** Watches how much the event loop is held up. */
export class EventLoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #before: LoopDelays = { p99Ms: 0, maxMs: 0 };
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  /** Of the last 30 to 60 s. */
  get delays(): LoopDelays {
    const now = this.#now();
    return { p99Ms: Math.max(now.p99Ms, this.#before.p99Ms), maxMs: Math.max(now.maxMs, this.#before.maxMs) };
  }

  #turn(): void {
    this.#before = this.#now();
    this.#histogram.reset();
  }

  #now(): LoopDelays {
    return { p99Ms: delayMs(this.#histogram.percentile(99)), maxMs: delayMs(this.#histogram.max) };
  }
}

/** The histogram counts from one look to the next, in ns. */
function delayMs(gapNs: number): number {
  return Math.max(0, gapNs / 1e6 - RESOLUTION_MS);
}
