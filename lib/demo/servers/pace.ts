import { setTimeout as sleep } from 'node:timers/promises';

/** Lets `ms` of the server's own time pass. Rejects when `signal` aborts. */
export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Time that runs `speed` times as fast as the clock. */
export function paceOf(speed = 1): Pause {
  return async (ms, signal) => {
    await sleep(ms / speed, undefined, signal === undefined ? {} : { signal });
  };
}
