import type { Config } from '../config/types.ts';
import { footprintReport } from './footprint.ts';
import type { Pause } from './gating.ts';
import type { Health, Reading, Residency, Sample } from './model.ts';
import type { ResidencySource } from './residency.ts';
import { statusSummary } from './status-summary.ts';

/** One consumer as the status shows it. */
export interface ConsumerFacts {
  readonly name: string;
  readonly url: string;
  /** HOST:PORT at which the broker stands in for it; null: it could not be opened; left out: none is configured. */
  readonly listen?: string | null;
  readonly health: Health;
  readonly residency: Residency;
  readonly residencySource: ResidencySource;
  /** Measured VRAM; null: not measured. */
  readonly use: { readonly mib: number; readonly source: 'self' | 'process' } | null;
  /** Footprint as configured, and the most that was ever measured, MiB; null: none. */
  readonly declaredMib: number | null;
  readonly measuredMib: number | null;
  /** It works on something that did not come through the broker. */
  readonly isWorkingForOthers: boolean;
  readonly preset: string | null;
  readonly running: number;
  readonly waiting: number;
  readonly totalRequests: number;
  readonly lastUsed: Date | null;
  readonly lastProbe: Date | null;
  readonly lastError: string | null;
  /** How many of its probes ended in which way; for the metrics. */
  readonly probes: Readonly<Record<string, number>>;
  /** How long the last good one took, ms; null: there was none. For the metrics. */
  readonly probeMs: number | null;
  /** The broker can load it: while it is absent it need not answer, and is not ill. */
  readonly canLoad: boolean;
  readonly systemdUnit: string | null;
  readonly priority: number;
  readonly coexistsWith: readonly string[];
}

/** The gate's numbers. Times in ms; null: not yet known, or of the oldest: none waits. */
export interface SchedulerFacts {
  readonly waiting: number;
  readonly running: number;
  readonly totalJobs: number;
  readonly lastWaitMs: number | null;
  readonly lastRunMs: number | null;
  readonly evictions: number;
  readonly oldestWaitMs: number | null;
}

/** Everything the status is made of, at one moment. */
export interface StatusFacts {
  readonly now: Date;
  readonly version: string;
  /** When this daemon began to serve. */
  readonly startedAt: Date;
  readonly listen: string;
  readonly config: Config;
  /** File that the configuration came from. */
  readonly configPath: string;
  /** What was wrong with the last one offered; null: nothing. */
  readonly reloadError: string | null;
  readonly reading: Reading | null;
  readonly consumers: readonly ConsumerFacts[];
  readonly scheduler: SchedulerFacts;
  /** Leases that clients hold by hand. */
  readonly leases: readonly LeaseFacts[];
  readonly paused: Pause | null;
  /** null: none is kept. */
  readonly history: HistoryFacts | null;
  readonly process: ProcessFacts;
  readonly isDraining: boolean;
}

/** How it is with the history. */
export interface HistoryFacts {
  /** Why nothing is written; null: it is. */
  readonly fault: string | null;
  /** Events that were never written. */
  readonly dropped: number;
}

/** How the daemon's own process does. */
export interface ProcessFacts {
  /** How long the event loop was held up in the last half to whole minute, ms. */
  readonly eventLoop: { readonly p99Ms: number; readonly maxMs: number };
  /** null: it could not be read. */
  readonly rssMib: number | null;
  /** Connections of clients that were not refused. */
  readonly openConnections: number;
}

/** One lease that a client holds by hand. */
export interface LeaseFacts {
  readonly id: string;
  readonly consumer: string;
  readonly expiresAt: Date;
  readonly running: number;
  readonly isEnding: boolean;
}

/** Rises when a member goes or means something else, not when one is added. */
const SCHEMA_VERSION = 1;

/** The body of `GET /v1/status`. A number that is not known is null, never 0 and never left out. */
export function statusReport(facts: StatusFacts): Record<string, unknown> {
  return {
    schema_version: SCHEMA_VERSION,
    version: facts.version,
    listen: facts.listen,
    time: facts.now.toISOString(),
    draining: facts.isDraining,
    config: { file: facts.configPath, ...optional('reload_error', facts.reloadError ?? undefined) },
    gpu: gpuReport(facts.reading, facts.config),
    routing: facts.config.routing,
    consumers: facts.consumers.toSorted(byName).map(consumerReport),
    scheduler: schedulerReport(facts.scheduler, facts.now),
    leases: facts.leases.map(leaseReport),
    paused: facts.paused === null ? null : { since: facts.paused.since.toISOString(), by: facts.paused.by },
    history: historyReport(facts.history),
    process: processReport(facts.process),
    summary: statusSummary(facts),
  };
}

function historyReport(history: HistoryFacts | null): Record<string, unknown> | null {
  return history === null ? null : { on: history.fault === null, reason: history.fault, dropped: history.dropped };
}

function processReport({ eventLoop, rssMib, openConnections }: ProcessFacts): Record<string, number | null> {
  return {
    event_loop_p99_ms: rounded(eventLoop.p99Ms),
    event_loop_max_ms: rounded(eventLoop.maxMs),
    rss_mib: rssMib === null ? null : Math.round(rssMib),
    open_connections: openConnections,
  };
}

function gpuReport(reading: Reading | null, config: Config): Record<string, unknown> {
  const sample = reading?.ok === true ? reading.sample : null;
  return {
    ...(sample === null ? { name: null, uuid: null } : { name: sample.name, uuid: sample.uuid }),
    ...memoryReport(sample, config),
    reserved_mib: config.gpu.reserved_mib,
    last_sample: sample?.takenAt.toISOString() ?? null,
    foreign: sample?.attribution?.foreign.map(({ pid, name, usedMib }) => ({ pid, name, mib: usedMib })) ?? null,
    unattributed_mib: sample === null ? null : unattributedMib(sample),
    ...optional('err', faultOf(reading)),
  };
}

/** Memory in use that no process on the list explains, such as a desktop's; null: it is not known of each process how much it has. */
export function unattributedMib({ usedMib, attribution }: Sample): number | null {
  if (usedMib === null || attribution === null) return null;
  const processes = [...attribution.foreign, ...attribution.unknownHolders].map((process) => process.usedMib);
  const known = [...attribution.uses.values(), ...processes];
  if (known.some((mib) => mib === null)) return null;
  return Math.max(0, Math.round(usedMib - known.reduce<number>((total, mib) => total + (mib ?? 0), 0)));
}

function memoryReport(sample: Sample | null, { gpu }: Config): Record<string, number | null> {
  const configured = gpu.total_mib ?? null;
  if (sample === null) return { total_mib: configured, used_mib: null, free_mib: null };
  return { total_mib: sample.totalMib ?? configured, used_mib: sample.usedMib, free_mib: sample.freeMib };
}

function faultOf(reading: Reading | null): string | undefined {
  if (reading?.ok === true) return undefined;
  return `${reading?.error ?? 'not read yet'}; admission goes by the declared footprints`;
}

/** By code unit, which no locale changes. */
function byName(a: ConsumerFacts, b: ConsumerFacts): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

function consumerReport(consumer: ConsumerFacts): Record<string, unknown> {
  const { health, residency } = consumer;
  return {
    name: consumer.name,
    url: consumer.url,
    ...(consumer.listen === undefined ? {} : { listen: consumer.listen }),
    healthy: health.state === 'unknown' ? null : health.state === 'healthy',
    loaded: residency === 'unknown' ? null : residency === 'resident',
    residency,
    residency_source: consumer.residencySource,
    gpu_resident_mib: consumer.use?.mib ?? null,
    gpu_resident_source: consumer.use?.source ?? null,
    ...footprintReport(consumer),
    external_work: consumer.isWorkingForOthers,
    ...optional('preset', consumer.preset ?? undefined),
    active: consumer.running,
    running: consumer.running,
    waiting: consumer.waiting,
    total_requests: consumer.totalRequests,
    ...optional('last_used', consumer.lastUsed?.toISOString()),
    ...optional('last_probe', consumer.lastProbe?.toISOString()),
    ...optional('last_error', consumer.lastError ?? undefined),
    loadable: consumer.canLoad,
    ...optional('systemd_unit', consumer.systemdUnit ?? undefined),
    priority: consumer.priority,
    can_coexist_with: consumer.coexistsWith,
  };
}

function schedulerReport(scheduler: SchedulerFacts, now: Date): Record<string, unknown> {
  const { oldestWaitMs } = scheduler;
  const oldest = oldestWaitMs === null ? undefined : new Date(now.getTime() - oldestWaitMs).toISOString();
  return {
    queue_depth: scheduler.waiting,
    in_flight: scheduler.running,
    total_jobs: scheduler.totalJobs,
    last_wait_ms: rounded(scheduler.lastWaitMs),
    last_run_ms: rounded(scheduler.lastRunMs),
    evictions: scheduler.evictions,
    ...optional('oldest_queued', oldest),
  };
}

function leaseReport({ id, consumer, expiresAt, running, isEnding }: LeaseFacts): Record<string, unknown> {
  return { id, consumer, expires_at: expiresAt.toISOString(), running, ending: isEnding };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

function optional(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value };
}
