import { isBare, residencyAfterSample, residencySaid } from '../core/residency.ts';
import type { MemoryMarks, ResidencyNews } from '../core/residency.ts';
import type { SelfReport } from '../core/health.ts';
import type { Sample } from '../core/model.ts';
import type { ConsumerState } from './consumer-state.ts';

/** Measured use of VRAM and who says so. */
export interface KnownUse {
  readonly mib: number;
  readonly source: 'self' | 'process';
}

/** What a sample teaches about one consumer; null: nothing new. MiB. */
export interface SampleNews {
  readonly residency: ResidencyNews | null;
  /** More than was ever measured while its weights were loaded. */
  readonly measuredMib: number | null;
  /** What our unload has left behind. */
  readonly leftMib: number | null;
  /** More than a bare context is on the card. */
  readonly isSeen: boolean;
}

/** Below this growth a new peak is noise. */
const NOTICED_GROWTH = 1.01;

/** The consumer's own word, else its processes on the card; null: neither is newer than our last action. */
export function knownUse(consumer: ConsumerState, sample: Sample | null): KnownUse | null {
  const said = saidUseMib(consumer);
  if (said !== null) return { mib: said, source: 'self' };
  const mib = processUseMib(consumer, sample);
  return mib === null ? null : { mib, source: 'process' };
}

/** What plans reckon with, MiB: what is on the card counts also where a consumer says less of itself, as many leave out their CUDA context. */
export function reckonedUseMib(consumer: ConsumerState, sample: Sample | null): number | null {
  const said = isAhead(consumer, sample) ? null : saidUseMib(consumer);
  const measured = processUseMib(consumer, sample);
  return said === null || measured === null ? (said ?? measured) : Math.max(said, measured);
}

/** It is taking memory and has said how much since the sample: what it took meanwhile is still free there, and would be spent twice. */
function isAhead({ promisedUntil, report }: ConsumerState, sample: Sample | null): boolean {
  return promisedUntil !== null && sample !== null && report !== null && report.endedAt > sample.startedAt;
}

function saidUseMib({ report, saidSince }: ConsumerState): number | null {
  return report !== null && report.startedAt >= saidSince ? report.usedMib : null;
}

/** What to learn from a sample about a consumer. */
export function sampleNews(consumer: ConsumerState, sample: Sample): SampleNews {
  const usedMib = processUseMib(consumer, sample);
  const leftMib = newResidueMib(consumer, consumer.leftMib, usedMib);
  const marks = { footprintMib: consumer.footprintMib, residualMib: Math.max(consumer.config.residual_mib, leftMib ?? consumer.leftMib ?? 0) };
  const isSeen = usedMib !== null && isBare(usedMib, marks) === false;
  const { residency, residencySource, lastActionAt, wasSeenOnCard } = consumer;
  const facts = { isBusy: consumer.busy > 0, isOverruled: speaksForItself(consumer), wasSeen: wasSeenOnCard || isSeen };
  const news = residencyAfterSample({ residency, residencySource, lastActionAt, ...marks }, { usedMib, startedAt: sample.startedAt, ...facts });
  return { residency: news, leftMib, isSeen, measuredMib: newPeakMib(consumer, sample) };
}

function processUseMib({ name, lastActionAt }: ConsumerState, sample: Sample | null): number | null {
  if (sample === null || sample.startedAt < lastActionAt) return null;
  return sample.attribution?.uses.get(name) ?? null;
}

/** By what the consumer's own word is judged; many count less than the card shows. */
export function saidMarks({ footprintMib, config, saidLeftMib }: ConsumerState): MemoryMarks {
  return { footprintMib, residualMib: Math.max(config.residual_mib, saidLeftMib ?? 0) };
}

/** What the consumer says is left after our unload, if this is the least so far, MiB; null: nothing new. */
export function newSaidResidueMib(consumer: ConsumerState, { usedMib, isExact = false }: SelfReport): number | null {
  return isExact ? null : newResidueMib(consumer, consumer.saidLeftMib, usedMib);
}

/** It has said whether its weights are loaded, and nothing was done with it since. */
function speaksForItself(consumer: ConsumerState): boolean {
  const { report, saidSince } = consumer;
  return report !== null && report.startedAt >= saidSince && residencySaid(report, saidMarks(consumer)) !== null;
}

/** After our unload the memory goes on falling for a moment; the least is what stays. */
function newResidueMib({ residency, residencySource }: ConsumerState, leastMib: number | null, usedMib: number | null): number | null {
  if (residency !== 'absent' || residencySource !== 'action' || usedMib === null) return null;
  return leastMib === null || usedMib < leastMib ? usedMib : null;
}

function newPeakMib(consumer: ConsumerState, sample: Sample): number | null {
  if (consumer.residency !== 'resident' || consumer.residencySource === 'assumed') return null;
  const { report, saidSince } = consumer;
  const wantsMib = report !== null && report.startedAt >= saidSince ? (report.wantsMib ?? 0) : 0;
  const peakMib = Math.max(knownUse(consumer, sample)?.mib ?? 0, wantsMib);
  return peakMib > NOTICED_GROWTH * (consumer.measuredMib ?? 0) ? peakMib : null;
}
