import type { AdmissionTimes, GrantedLease } from '../core/gating.ts';
import type { JobReach } from '../core/residency.ts';

/** The right to the card, from the grant to `release()`. */
export class Lease implements GrantedLease {
  readonly id: string;
  /** From asking to the grant less making room, ms. */
  readonly queuedMs: number;
  readonly times: AdmissionTimes;
  /** Resolves once, when the holder has released it. */
  readonly released: Promise<JobReach>;
  #release: (reach: JobReach) => void;

  constructor(id: string, queuedMs: number, times: AdmissionTimes) {
    this.id = id;
    this.queuedMs = queuedMs;
    this.times = times;
    const { promise, resolve } = Promise.withResolvers<JobReach>();
    this.released = promise;
    this.#release = resolve;
  }

  /** Ends the holder's part; later calls change nothing. `reach` says how far the job came. */
  release(reach: JobReach): void {
    this.#release(reach);
  }
}
