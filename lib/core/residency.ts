import type { ConsumerConfig } from '../config/types.ts';
import type { Probe, SelfReport } from './health.ts';
import type { Residency } from './model.ts';

/** Under this share of its footprint a consumer holds a bare context, not its weights. */
const ABSENT_BELOW = 0.1;

/** Loads itself on first use: it can be unloaded, but nothing can be called to load it. */
export function isLazy(config: ConsumerConfig): boolean {
  return config.unload !== null && config.load === null && !config.vram_managed;
}

/** What is assumed of a consumer that has just started, until it or the card says otherwise. */
export function initialResidency(config: ConsumerConfig): Residency {
  return isLazy(config) ? 'absent' : 'resident';
}

/** What the residency transition looks at. Times are monotonic, ms. */
export interface ResidencyRecord {
  readonly residency: Residency;
  /** End of our last load, unload or job; a probe that began before it is old news. */
  readonly lastActionAt: number;
  /** The probe before this one was refused: the server was down. */
  readonly wasRefused: boolean;
}

/** Residency after a probe. While a hook is under way only the hook's end says what is so. */
export function residencyAfterProbe(record: ResidencyRecord, probe: Probe, config: ConsumerConfig): Residency {
  const { residency, lastActionAt, wasRefused } = record;
  if (residency === 'loading' || residency === 'unloading' || probe.startedAt < lastActionAt) return residency;
  if (probe.outcome.type === 'refused') return 'absent';
  if (probe.outcome.type !== 'good') return residency;
  return fromReport(probe.outcome.report, config) ?? (wasRefused ? initialResidency(config) : residency);
}

/** Measured memory is believed before a flag; null when the consumer says nothing. */
function fromReport(report: SelfReport, config: ConsumerConfig): Residency | null {
  const footprint = config.vram_resident_mib ?? null;
  if (report.usedMib !== null && footprint !== null && footprint > 0) {
    return report.usedMib < ABSENT_BELOW * footprint ? 'absent' : 'resident';
  }
  if (report.loaded === null) return null;
  return report.loaded ? 'resident' : 'absent';
}

/** How far a job came before it ended. */
export type JobReach = 'not_sent' | 'sent' | 'served';

/** Residency after a job: a consumer that has served one has its weights loaded; one that broke off may have. */
export function residencyAfterJob(residency: Residency, reach: JobReach): Residency {
  if (residency === 'resident' || reach === 'not_sent') return residency;
  return reach === 'served' ? 'resident' : 'unknown';
}
