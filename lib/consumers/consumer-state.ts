import type { ConsumerConfig } from '../config/types.ts';
import { UNPROBED } from '../core/health.ts';
import type { HealthRecord, SelfReport } from '../core/health.ts';
import { initialResidency } from '../core/residency.ts';
import type { Health, Residency } from '../core/model.ts';

/** What a consumer said of itself, and when that probe began (monotonic, ms). */
export interface DatedReport extends SelfReport {
  readonly startedAt: number;
}

/** One consumer with everything about it that changes. Only the registry writes to it. Times are monotonic in ms unless said. */
export class ConsumerState {
  /** Counts all consumers ever made. */
  static #made = 0;

  readonly serial = (ConsumerState.#made += 1);
  /** Newest configuration; requests carry the one that they began with. */
  config: ConsumerConfig;
  healthRecord: HealthRecord = UNPROBED;
  residency: Residency;
  report: DatedReport | null = null;
  wasRefused = false;
  firstProbeSettled = false;
  /** Wall clock; null: not probed yet. */
  lastProbeAt: Date | null = null;
  lastError: string | null = null;
  /** End of our last load, unload or job. */
  lastActionAt = Number.NEGATIVE_INFINITY;
  /** End of its last finished GPU work; null: none yet. */
  lastUsedAt: number | null = null;
  /** The same on the wall clock. */
  lastUsedWall: Date | null = null;
  /** It will take its footprint: a sample is to show that, or first a job is to end. null: nothing is promised. */
  promisedUntil: 'job' | 'sample' | null = null;
  /** From admission to release. */
  busy = 0;
  /** From grant to release. */
  running = 0;
  waiting = 0;
  totalRequests = 0;
  retired = false;

  constructor(config: ConsumerConfig) {
    this.config = config;
    this.residency = initialResidency(config);
  }

  get name(): string {
    return this.retired ? `${this.config.name} (retired)` : this.config.name;
  }

  get health(): Health {
    return this.healthRecord.health;
  }
}
