import type { ConsumerConfig } from '../config/types.ts';
import type { Probe, SelfReport } from './health.ts';
import type { Residency } from './model.ts';

/** Under this share of its footprint a consumer holds a bare context, not its weights. */
const ABSENT_BELOW = 0.1;
/** From this share of its footprint on it holds its weights, whatever is said to stay after an unload. */
const FULL_FROM = 0.9;
/** What stays after an unload varies a little from time to time. */
const RESIDUE_VARIES = 1.1;

/** Where a residency comes from: the consumer's own word, the memory of its processes, what we last did, or nothing yet. */
export type ResidencySource = 'self' | 'process' | 'action' | 'assumed';

/** A residency and why it is believed. */
export interface ResidencyNews {
  readonly residency: Residency;
  readonly source: ResidencySource;
}

/** What tells a bare context from loaded weights. MiB; null: not known. */
export interface MemoryMarks {
  readonly footprintMib: number | null;
  /** What stays after an unload, as declared or as measured. */
  readonly residualMib: number;
}

/** Loads itself on first use: it can be unloaded, but nothing can be called to load it. */
export function isLazy(config: ConsumerConfig): boolean {
  return config.unload !== null && config.load === null && !config.vram_managed;
}

/** What is assumed of a consumer that has just started, until it or the card says otherwise. */
export function initialResidency(config: ConsumerConfig): Residency {
  return isLazy(config) ? 'absent' : 'resident';
}

/** What the residency transition looks at. Times are monotonic, ms. */
export interface ResidencyRecord extends MemoryMarks {
  readonly residency: Residency;
  /** End of our last load, unload or job; what began to be measured before it is old news. */
  readonly lastActionAt: number;
  /** The probe before this one was refused: the server was down. */
  readonly wasRefused: boolean;
}

/** What a probe says of the residency; null: nothing new. While a hook is under way only the hook's end says what is so. */
export function residencyAfterProbe(record: ResidencyRecord, probe: Probe, config: ConsumerConfig): ResidencyNews | null {
  if (isChanging(record.residency) || probe.startedAt < record.lastActionAt) return null;
  if (probe.outcome.type === 'refused') return { residency: 'absent', source: 'self' };
  if (probe.outcome.type !== 'good') return null;
  const said = residencySaid(probe.outcome.report, record);
  if (said !== null) return { residency: said, source: 'self' };
  return record.wasRefused ? { residency: initialResidency(config), source: 'assumed' } : null;
}

/** The memory of a consumer's processes in one sample. */
export interface MeasuredUse {
  readonly usedMib: number | null;
  /** Monotonic, ms. */
  readonly startedAt: number;
  /** The consumer has running work, and so its memory may be on its way. */
  readonly isBusy: boolean;
  /** Its own word is as new as our last action, and goes first. */
  readonly isOverruled: boolean;
  /** More than a bare context was measured before. Where that never was, its weights may be where nvidia-smi does not see them. */
  readonly wasSeen: boolean;
}

/** What is known when a sample comes. */
export interface SampledRecord extends Omit<ResidencyRecord, 'wasRefused'> {
  readonly residencySource: ResidencySource;
}

/** What the memory of its processes says of the residency; null: nothing new, or too little is known to tell. */
export function residencyAfterSample(record: SampledRecord, use: MeasuredUse): ResidencyNews | null {
  if (isChanging(record.residency) || use.startedAt < record.lastActionAt || use.isBusy || use.isOverruled) return null;
  const bare = use.usedMib === null ? null : isBare(use.usedMib, record);
  if (bare === null || (bare && !use.wasSeen && record.residencySource === 'action')) return null;
  // A hook that failed may have left weights that are of no use.
  if (!bare && record.residency === 'unknown') return null;
  return { residency: bare ? 'absent' : 'resident', source: 'process' };
}

/**
 * What a consumer says of itself: a list or state of its own first, then measured memory, then a flag; null: it says
 * nothing that can be told.
 */
export function residencySaid(report: SelfReport, marks: MemoryMarks): Residency | null {
  if (report.isExact === true && report.loaded !== null) return report.loaded ? 'resident' : 'absent';
  const bare = report.usedMib === null ? null : isBare(report.usedMib, marks);
  if (bare !== null) return bare ? 'absent' : 'resident';
  if (report.loaded === null) return null;
  return report.loaded ? 'resident' : 'absent';
}

/** Whether so much memory is a bare context without weights; null: too little is known to tell. */
export function isBare(usedMib: number, { footprintMib, residualMib }: MemoryMarks): boolean | null {
  const residueMib = residualMib * RESIDUE_VARIES;
  if (footprintMib === null || footprintMib === 0) return residualMib > 0 ? usedMib <= residueMib : null;
  return usedMib < ABSENT_BELOW * footprintMib || usedMib <= Math.min(residueMib, FULL_FROM * footprintMib);
}

function isChanging(residency: Residency): boolean {
  return residency === 'loading' || residency === 'unloading';
}

/** How far a job came before it ended. */
export type JobReach = 'not_sent' | 'sent' | 'served';

/** Residency after a job: a consumer that has served one has its weights loaded; one that broke off may have. */
export function residencyAfterJob(residency: Residency, reach: JobReach): Residency {
  if (residency === 'resident' || reach === 'not_sent') return residency;
  return reach === 'served' ? 'resident' : 'unknown';
}
