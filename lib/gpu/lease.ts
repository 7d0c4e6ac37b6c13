import type { AdmissionTimes, QueuedLease } from '../core/gating.ts';
import { NO_TRACE } from '../core/job.ts';
import type { JobTrace } from '../core/job.ts';
import type { JobReach } from '../core/residency.ts';

/** How the holder's part of a lease ended. */
export interface Release {
  readonly reach: JobReach;
  readonly trace: JobTrace;
}

/** The right to the card, from the grant to `release()`. */
export class Lease implements QueuedLease {
  readonly id: string;
  /** From asking to the grant less making room, ms. */
  readonly queuedMs: number;
  readonly times: AdmissionTimes;
  /** Resolves once, when the holder has released it. */
  readonly released: Promise<Release>;
  #release: (release: Release) => void;
  #isCancelled = false;
  #onCancel: (() => void) | null = null;

  constructor(id: string, queuedMs: number, times: AdmissionTimes) {
    this.id = id;
    this.queuedMs = queuedMs;
    this.times = times;
    const { promise, resolve } = Promise.withResolvers<Release>();
    this.released = promise;
    this.#release = resolve;
  }

  /** Ends the holder's part; later calls change nothing. `reach` says how far the job came, `trace` what it left behind. */
  release(reach: JobReach, trace: JobTrace = NO_TRACE): void {
    this.#release({ reach, trace });
  }

  /** Tells the holder that its work is to end; only the first call counts. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#onCancel?.();
  }

  onCancel(listener: () => void): void {
    if (this.#isCancelled) listener();
    else this.#onCancel = listener;
  }
}
