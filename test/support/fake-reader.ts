import type { Reading, Sample } from '../../lib/core/model.ts';
import type { CardReader } from '../../lib/gpu/sampler.ts';

/** One reading that has begun. */
export interface BegunReading {
  readonly startedAt: number;
  succeed(freeMib?: number): void;
  fail(error?: string): void;
}

/** A card whose every reading ends when the test says so. */
export class FakeReader implements CardReader {
  /** Every reading begun, oldest first. */
  readonly begun: BegunReading[] = [];
  underWay = 0;
  peakUnderWay = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get newest(): BegunReading {
    const newest = this.begun.at(-1);
    if (newest === undefined) throw new Error('no reading has begun');
    return newest;
  }

  read(): Promise<Reading> {
    this.underWay += 1;
    this.peakUnderWay = Math.max(this.peakUnderWay, this.underWay);
    return new Promise((resolve) => {
      const startedAt = this.#now();
      const end = (reading: Reading): void => {
        this.underWay -= 1;
        resolve(reading);
      };
      this.begun.push({
        startedAt,
        succeed: (freeMib = 1000) => end({ ok: true, sample: sampleOf(startedAt, freeMib) }),
        fail: (error = 'no card') => end({ ok: false, startedAt, error }),
      });
    });
  }

  /** Ends a reading under way, as killing nvidia-smi does. */
  async stop(): Promise<void> {
    if (this.underWay > 0) this.newest.fail('stopped');
  }
}

/** A sample with nothing known but its free memory. */
export function sampleOf(startedAt: number, freeMib: number): Sample {
  return { startedAt, takenAt: new Date(0), uuid: null, name: null, totalMib: null, usedMib: null, freeMib, attribution: null };
}
