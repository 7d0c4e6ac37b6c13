import { isStopped } from './admissible.ts';
import type { Health, Reading, Residency } from './model.ts';

/** What the summary is made from; of the status. Times in ms. */
export interface SummaryFacts {
  readonly now: Date;
  /** When this daemon began to serve. */
  readonly startedAt: Date;
  readonly config: { readonly gpu: { readonly total_mib?: number | undefined } };
  readonly reading: Reading | null;
  readonly consumers: readonly SummarisedConsumer[];
  readonly scheduler: {
    readonly waiting: number;
    readonly running: number;
    readonly totalJobs: number;
    readonly lastWaitMs: number | null;
    readonly evictions: number;
    /** null: none waits. */
    readonly oldestWaitMs: number | null;
  };
  readonly leases: readonly unknown[];
  readonly paused: unknown;
  readonly isDraining: boolean;
}

/** Of a consumer, what counts. */
export interface SummarisedConsumer {
  readonly health: Health;
  readonly residency: Residency;
  /** The broker can load it: while it is absent it need not answer, and is not ill. */
  readonly canLoad: boolean;
}

const BYTES_PER_MIB = 2 ** 20;

/**
 * The status in plain numbers beside each other, for widgets that can do no more than show a number: bytes, seconds, ratios from 0 to 1, and 0 or 1 for no
 * or yes. null: not known. Its names stay.
 */
export function statusSummary(facts: SummaryFacts): Record<string, number | null> {
  const { scheduler } = facts;
  return {
    ...consumersSummary(facts.consumers),
    running: scheduler.running,
    waiting: scheduler.waiting,
    oldest_wait_seconds: seconds(scheduler.oldestWaitMs ?? 0),
    last_wait_seconds: scheduler.lastWaitMs === null ? null : seconds(scheduler.lastWaitMs),
    jobs: scheduler.totalJobs,
    evictions: scheduler.evictions,
    leases: facts.leases.length,
    ...memorySummary(facts),
    paused: facts.paused === null ? 0 : 1,
    draining: Number(facts.isDraining),
    uptime_seconds: Math.max(0, Math.floor((facts.now.getTime() - facts.startedAt.getTime()) / 1000)),
  };
}

function consumersSummary(consumers: readonly SummarisedConsumer[]): Record<string, number> {
  return {
    consumers: consumers.length,
    consumers_healthy: consumers.filter(({ health }) => health.state === 'healthy').length,
    consumers_ill: consumers.filter(isIll).length,
    consumers_loaded: consumers.filter(({ residency }) => residency === 'resident').length,
  };
}

/** It ought to answer, and does not. */
function isIll({ health, residency, canLoad }: SummarisedConsumer): boolean {
  return health.state === 'unhealthy' && !(canLoad && isStopped(residency));
}

function memorySummary({ reading, config }: SummaryFacts): Record<string, number | null> {
  const sample = reading?.ok === true ? reading.sample : null;
  const totalMib = sample?.totalMib ?? config.gpu.total_mib ?? null;
  const usedMib = sample?.usedMib ?? null;
  return {
    vram_total_bytes: bytes(totalMib),
    vram_used_bytes: bytes(usedMib),
    vram_free_bytes: bytes(sample?.freeMib ?? null),
    vram_used_ratio: usedMib === null || totalMib === null || totalMib === 0 ? null : Math.round((usedMib / totalMib) * 10_000) / 10_000,
  };
}

function bytes(mib: number | null): number | null {
  return mib === null ? null : Math.round(mib * BYTES_PER_MIB);
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
