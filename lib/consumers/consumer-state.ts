import type { ConsumerConfig } from '../config/types.ts';
import { UNPROBED } from '../core/health.ts';
import type { HealthRecord, ProbeOutcome, SelfReport } from '../core/health.ts';
import { initialResidency } from '../core/residency.ts';
import type { ResidencySource } from '../core/residency.ts';
import type { Health, Residency } from '../core/model.ts';

/** What a consumer said of itself, and when that probe began and ended (monotonic, ms). */
export interface DatedReport extends SelfReport {
  readonly startedAt: number;
  readonly endedAt: number;
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
  residencySource: ResidencySource = 'assumed';
  /** When it last became resident, or was first heard of. */
  residentAt: number;
  report: DatedReport | null = null;
  wasRefused = false;
  /** What it last said of whether it works, and when that question was asked. */
  working: { readonly isWorking: boolean; readonly startedAt: number } | null = null;
  /** Largest use that was ever measured while its weights were loaded, MiB; null: none yet. */
  measuredMib: number | null = null;
  /** Its processes were seen with more than a bare context. */
  wasSeenOnCard = false;
  /** What our own unload left behind as the card shows it, and as the consumer says, MiB; null: not seen yet. */
  leftMib: number | null = null;
  saidLeftMib: number | null = null;
  firstProbeSettled = false;
  /** Wall clock; null: not probed yet. */
  lastProbeAt: Date | null = null;
  lastError: string | null = null;
  /** How its probes ended. */
  readonly probes = { good: 0, bad: 0, refused: 0, timeout: 0, unheard: 0 } satisfies Record<ProbeOutcome['type'], number>;
  /** End of our last load, unload or job. */
  lastActionAt = Number.NEGATIVE_INFINITY;
  /** When a probe last found that it had left the card by itself, monotonic ms: a sample that began before that may show its memory. */
  foundAbsentAt = Number.NEGATIVE_INFINITY;
  /** When its last unload had been seen on the card: what it said before that is old, though the card's last sample is not. */
  settledAt = Number.NEGATIVE_INFINITY;
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

  /** @param now monotonic, ms */
  constructor(config: ConsumerConfig, now: number) {
    this.config = config;
    this.residentAt = now;
    this.residency = initialResidency(config);
  }

  get name(): string {
    return this.retired ? `${this.config.name} (retired)` : this.config.name;
  }

  /** A command starts what does not run. A call needs somebody who takes it: where nobody listens, nothing would come of it. */
  get canLoad(): boolean {
    const { load } = this.config;
    return load !== null && (load.type === 'command' || !this.wasRefused);
  }

  /** What was measured of it in an earlier run, MiB; null: nothing. */
  recall(measuredMib: number | null): void {
    this.measuredMib ??= measuredMib;
  }

  /** What it needs, MiB: as declared, else the most that was measured; null: neither. */
  get footprintMib(): number | null {
    return this.config.vram_resident_mib ?? this.measuredMib;
  }

  /** What stays after an unload, MiB. */
  get residualMib(): number {
    return Math.max(this.config.residual_mib, this.leftMib ?? 0);
  }

  /** What it lists as loaded; null: it does not say. */
  get loadedNames(): readonly string[] | null {
    return this.report?.names ?? null;
  }

  /** It works on something that did not come through the broker. */
  get isWorkingForOthers(): boolean {
    return this.busy === 0 && this.working?.isWorking === true && this.working.startedAt >= this.lastActionAt;
  }

  /** What it said of itself before is old news. */
  get saidSince(): number {
    return Math.max(this.lastActionAt, this.settledAt);
  }

  get health(): Health {
    return this.healthRecord.health;
  }
}
