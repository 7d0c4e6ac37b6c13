import { isRecord, itemsOf, memberOf, textOf } from '../config/tree.ts';
import { readConsumer, type ConsumerStatus } from './consumer-status.ts';
import { dateOf, numberOf } from './members.ts';

/** The card as the daemon reports it. */
export interface GpuStatus {
  readonly name: string | null;
  readonly totalMib: number | null;
  readonly usedMib: number | null;
  readonly freeMib: number | null;
  readonly reservedMib: number | null;
  readonly foreign: readonly ForeignProcess[];
  readonly error: string | null;
}

/** A process on the card that belongs to no consumer. */
export interface ForeignProcess {
  readonly pid: number | null;
  readonly name: string | null;
  readonly usedMib: number | null;
}

/** A lease that somebody holds over several requests. */
export interface LeaseStatus {
  readonly id: string;
  readonly consumer: string;
  readonly expiresAt: Date | null;
  readonly running: number | null;
  /** It takes no more requests. */
  readonly isEnding: boolean;
}

/** Since when and by whom the card is paused; null: the daemon does not say. */
export interface PauseStatus {
  readonly since: Date | null;
  readonly by: string | null;
}

/** What `GET /v1/status` says, read without trust in any member. */
export interface StatusDocument {
  readonly version: string | null;
  readonly listen: string | null;
  readonly isDraining: boolean;
  /** null: it is not paused. */
  readonly paused: PauseStatus | null;
  readonly reloadError: string | null;
  /** Why the history is not written; null: it is, or none is kept. */
  readonly historyFault: string | null;
  readonly gpus: readonly GpuStatus[];
  readonly consumers: readonly ConsumerStatus[];
  readonly leases: readonly LeaseStatus[];
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
    version: textOf(body, 'version'),
    listen: textOf(body, 'listen'),
    isDraining: memberOf(body, 'draining') === true,
    paused: readPause(memberOf(body, 'paused')),
    reloadError: textOf(memberOf(body, 'config'), 'reload_error'),
    historyFault: textOf(memberOf(body, 'history'), 'reason'),
    gpus: (Array.isArray(gpu) ? itemsOf(gpu) : [gpu]).map(readGpu),
    consumers: consumers.map(readConsumer),
    leases: itemsOf(memberOf(body, 'leases')).map(readLease),
    waiting: numberOf(scheduler, 'queue_depth'),
    running: numberOf(scheduler, 'in_flight'),
    totalJobs: numberOf(scheduler, 'total_jobs'),
    evictions: numberOf(scheduler, 'evictions'),
    lastWaitMs: numberOf(scheduler, 'last_wait_ms'),
    lastRunMs: numberOf(scheduler, 'last_run_ms'),
    oldestQueued: dateOf(scheduler, 'oldest_queued'),
  };
}

/** Reads `{since, by}`; null where the value is no record. */
export function readPause(value: unknown): PauseStatus | null {
  return isRecord(value) ? { since: dateOf(value, 'since'), by: textOf(value, 'by') } : null;
}

function readGpu(gpu: unknown): GpuStatus {
  return {
    name: textOf(gpu, 'name'),
    totalMib: numberOf(gpu, 'total_mib'),
    usedMib: numberOf(gpu, 'used_mib'),
    freeMib: numberOf(gpu, 'free_mib'),
    reservedMib: numberOf(gpu, 'reserved_mib'),
    foreign: itemsOf(memberOf(gpu, 'foreign')).map((each) => ({ pid: numberOf(each, 'pid'), name: textOf(each, 'name'), usedMib: numberOf(each, 'mib') })),
    error: textOf(gpu, 'err'),
  };
}

function readLease(lease: unknown): LeaseStatus {
  return {
    id: textOf(lease, 'id') ?? '?',
    consumer: textOf(lease, 'consumer') ?? '?',
    expiresAt: dateOf(lease, 'expires_at'),
    running: numberOf(lease, 'running'),
    isEnding: memberOf(lease, 'ending') === true,
  };
}
