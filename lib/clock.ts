/** Time as the services see it. Durations are measured on the monotonic clock, so a wall clock that jumps does no harm. */
export interface Clock {
  /** Monotonic, ms. */
  now(): number;
  /** Wall clock, for people only. */
  wall(): Date;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
};
