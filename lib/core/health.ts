import type { Health } from './model.ts';

/** What a consumer says of itself. null: it did not say. */
export interface SelfReport {
  readonly loaded: boolean | null;
  readonly usedMib: number | null;
  /** What it lists as loaded; null or missing: it does not say. */
  readonly names?: readonly string[] | null;
  /** `loaded` comes from a list or a state of its own, so that it is believed before `usedMib`. */
  readonly isExact?: boolean;
  /** What it would take if all of it were in VRAM; null or missing: it does not say. */
  readonly wantsMib?: number | null;
}

/** How one probe ended. */
export type ProbeOutcome =
  | { readonly type: 'good'; readonly report: SelfReport }
  | { readonly type: 'bad' | 'refused' | 'timeout'; readonly error: string }
  /** It could not be asked, or its answer not be read, for a fault of our own. */
  | { readonly type: 'unheard'; readonly error: string };

/** One probe. `startedAt` is monotonic, ms. */
export interface Probe {
  readonly startedAt: number;
  readonly outcome: ProbeOutcome;
  /** Whether it says that it works on something; null or missing: it does not say. */
  readonly isWorking?: boolean | null;
  /** It says that loading has failed. */
  readonly isLoadFailed?: boolean;
}

/** Health with the memory that the two-in-a-row rule needs. */
export interface HealthRecord {
  readonly health: Health;
  readonly timeoutsInRow: number;
}

export const UNPROBED: HealthRecord = { health: { state: 'unknown' }, timeoutsInRow: 0 };

/** A single slow answer is common while weights load or Python holds its lock; two are not. */
const TIMEOUTS_UNTIL_UNHEALTHY = 2;

/** Health after a probe. A timeout of a consumer with running work says nothing: busy is not dead. */
export function nextHealth(record: HealthRecord, outcome: ProbeOutcome, hasRunningWork: boolean): HealthRecord {
  switch (outcome.type) {
    case 'good':
      return { health: { state: 'healthy' }, timeoutsInRow: 0 };
    case 'bad':
    case 'refused':
      return { health: { state: 'unhealthy', error: outcome.error }, timeoutsInRow: 0 };
    case 'unheard':
      return record;
    case 'timeout':
      return hasRunningWork ? record : afterTimeout(record, outcome.error);
  }
}

function afterTimeout(record: HealthRecord, error: string): HealthRecord {
  const timeoutsInRow = record.timeoutsInRow + 1;
  if (timeoutsInRow < TIMEOUTS_UNTIL_UNHEALTHY) return { ...record, timeoutsInRow };
  return { health: { state: 'unhealthy', error }, timeoutsInRow };
}

/** Reads `loaded` and `gpu_resident_mib` from a parsed health body; anything else there is ignored. */
export function readSelfReport(body: unknown): SelfReport {
  if (typeof body !== 'object' || body === null) return { loaded: null, usedMib: null };
  const loaded = 'loaded' in body && typeof body.loaded === 'boolean' ? body.loaded : null;
  const used = 'gpu_resident_mib' in body ? body.gpu_resident_mib : null;
  return { loaded, usedMib: typeof used === 'number' && Number.isFinite(used) && used >= 0 ? used : null };
}
