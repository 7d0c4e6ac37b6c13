import type { Clock } from '../../lib/clock.ts';

/** A clock that moves when the test says so. */
export class ManualClock implements Clock {
  #now = 1_000_000;

  now(): number {
    return this.#now;
  }

  wall(): Date {
    return new Date(this.#now);
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    this.#now += ms;
  }
}
