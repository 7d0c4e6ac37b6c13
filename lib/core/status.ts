import type { Config } from '../config/types.ts';
import type { Health, Reading, Residency } from './model.ts';

/** One consumer as the status shows it. */
export interface ConsumerFacts {
  readonly name: string;
  readonly url: string;
  readonly health: Health;
  readonly residency: Residency;
  readonly usedMib: number | null;
  readonly footprintMib: number | null;
  readonly running: number;
  readonly waiting: number;
  readonly totalRequests: number;
  readonly lastUsed: Date | null;
  readonly lastProbe: Date | null;
  readonly lastError: string | null;
  /** It has a load hook: when absent it answers no probe, and is not ill. */
  readonly canLoad: boolean;
  readonly systemdUnit: string | null;
  readonly priority: number;
  readonly coexistsWith: readonly string[];
}

/** The gate's numbers. Times in ms. */
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
  readonly listen: string;
  readonly config: Config;
  /** File that the configuration came from. */
  readonly configPath: string;
  /** What was wrong with the last one offered; null: nothing. */
  readonly reloadError: string | null;
  readonly reading: Reading | null;
  readonly consumers: readonly ConsumerFacts[];
  readonly scheduler: SchedulerFacts;
  readonly isDraining: boolean;
}

/** The body of `GET /v1/status`. A number that is not known is null, never 0 and never left out. */
export function statusReport(facts: StatusFacts): Record<string, unknown> {
  return {
    version: facts.version,
    listen: facts.listen,
    time: facts.now.toISOString(),
    draining: facts.isDraining,
    config: { file: facts.configPath, ...optional('reload_error', facts.reloadError ?? undefined) },
    gpu: gpuReport(facts.reading, facts.config),
    routing: facts.config.routing,
    consumers: facts.consumers.toSorted(byName).map(consumerReport),
    scheduler: schedulerReport(facts.scheduler, facts.now),
  };
}

function gpuReport(reading: Reading | null, config: Config): Record<string, unknown> {
  const sample = reading?.ok === true ? reading.sample : null;
  const err = reading === null ? 'not read yet' : reading.ok ? undefined : reading.error;
  return {
    name: sample?.name ?? null,
    uuid: sample?.uuid ?? null,
    total_mib: sample?.totalMib ?? config.gpu.total_mib ?? null,
    used_mib: sample?.usedMib ?? null,
    free_mib: sample?.freeMib ?? null,
    reserved_mib: config.gpu.reserved_mib,
    last_sample: sample?.takenAt.toISOString() ?? null,
    foreign: sample?.attribution?.foreign.map(({ pid, name, usedMib }) => ({ pid, name, mib: usedMib })) ?? null,
    ...(err === undefined ? {} : { err: `${err}; admission goes by the declared footprints` }),
  };
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
    healthy: health.state === 'unknown' ? null : health.state === 'healthy',
    loaded: residency === 'unknown' ? null : residency === 'resident',
    residency,
    gpu_resident_mib: consumer.usedMib,
    vram_budget_mib: consumer.footprintMib,
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

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

function optional(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value };
}
