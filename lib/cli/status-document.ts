import { isRecord, itemsOf, memberOf } from '../config/tree.ts';

/** One consumer as the daemon reports it; null: the daemon does not know or does not say. */
export interface ConsumerStatus {
  readonly name: string;
  readonly url: string | null;
  readonly health: 'unknown' | 'healthy' | 'unhealthy';
  readonly residency: string;
  readonly usedMib: number | null;
  readonly budgetMib: number | null;
  readonly running: number | null;
  readonly waiting: number | null;
  readonly total: number | null;
  readonly lastUsed: Date | null;
  readonly lastError: string | null;
  readonly systemdUnit: string | null;
  /** The daemon can load it by itself when it is absent. */
  readonly isLoadable: boolean;
}

/** The card as the daemon reports it. */
export interface GpuStatus {
  readonly name: string | null;
  readonly totalMib: number | null;
  readonly usedMib: number | null;
  readonly freeMib: number | null;
  readonly reservedMib: number | null;
  readonly error: string | null;
}

/** What `GET /v1/status` says, read without trust in any member. */
export interface StatusDocument {
  readonly version: string | null;
  readonly listen: string | null;
  readonly isDraining: boolean;
  readonly reloadError: string | null;
  readonly gpus: readonly GpuStatus[];
  readonly consumers: readonly ConsumerStatus[];
  readonly waiting: number | null;
  readonly running: number | null;
  readonly totalJobs: number | null;
  readonly evictions: number | null;
  readonly lastWaitMs: number | null;
  readonly lastRunMs: number | null;
  readonly oldestQueued: Date | null;
}

/** Reads the body of an answer; null where it is no status. */
export function readStatus(body: unknown): StatusDocument | null {
  const consumers = memberOf(body, 'consumers');
  const scheduler = memberOf(body, 'scheduler');
  if (!Array.isArray(consumers) || !isRecord(scheduler)) return null;
  const gpu = memberOf(body, 'gpu');
  return {
    version: text(body, 'version'),
    listen: text(body, 'listen'),
    isDraining: memberOf(body, 'draining') === true,
    reloadError: text(memberOf(body, 'config'), 'reload_error'),
    gpus: (Array.isArray(gpu) ? itemsOf(gpu) : [gpu]).map(readGpu),
    consumers: consumers.map(readConsumer),
    waiting: number(scheduler, 'queue_depth'),
    running: number(scheduler, 'in_flight'),
    totalJobs: number(scheduler, 'total_jobs'),
    evictions: number(scheduler, 'evictions'),
    lastWaitMs: number(scheduler, 'last_wait_ms'),
    lastRunMs: number(scheduler, 'last_run_ms'),
    oldestQueued: date(scheduler, 'oldest_queued'),
  };
}

function readGpu(gpu: unknown): GpuStatus {
  return {
    name: text(gpu, 'name'),
    totalMib: number(gpu, 'total_mib'),
    usedMib: number(gpu, 'used_mib'),
    freeMib: number(gpu, 'free_mib'),
    reservedMib: number(gpu, 'reserved_mib'),
    error: text(gpu, 'err'),
  };
}

function readConsumer(consumer: unknown): ConsumerStatus {
  const systemdUnit = text(consumer, 'systemd_unit');
  return {
    name: text(consumer, 'name') ?? '?',
    url: text(consumer, 'url'),
    health: healthOf(memberOf(consumer, 'healthy')),
    residency: text(consumer, 'residency') ?? residencyOf(memberOf(consumer, 'loaded')),
    usedMib: number(consumer, 'gpu_resident_mib'),
    budgetMib: number(consumer, 'vram_budget_mib'),
    running: number(consumer, 'running') ?? number(consumer, 'active'),
    waiting: number(consumer, 'waiting'),
    total: number(consumer, 'total_requests'),
    lastUsed: date(consumer, 'last_used'),
    lastError: text(consumer, 'last_error'),
    systemdUnit,
    isLoadable: systemdUnit !== null || memberOf(consumer, 'loadable') === true,
  };
}

function healthOf(healthy: unknown): ConsumerStatus['health'] {
  return healthy === true ? 'healthy' : healthy === false ? 'unhealthy' : 'unknown';
}

function residencyOf(loaded: unknown): string {
  return loaded === true ? 'resident' : loaded === false ? 'absent' : 'unknown';
}

function text(record: unknown, key: string): string | null {
  const value = memberOf(record, key);
  return typeof value === 'string' ? value : null;
}

function number(record: unknown, key: string): number | null {
  const value = memberOf(record, key);
  return typeof value === 'number' ? value : null;
}

function date(record: unknown, key: string): Date | null {
  const value = new Date(text(record, key) ?? NaN);
  return Number.isNaN(value.getTime()) ? null : value;
}
