import { isRecord, itemsOf, memberOf, textOf } from '../config/tree.ts';
import { dateOf, numberOf } from './members.ts';
import { readPause, type PauseStatus } from './status-document.ts';

/** What runs or waits; null: the daemon does not know or does not say. */
export interface QueuedWork {
  readonly id: string;
  readonly requestId: string | null;
  readonly kind: string | null;
  readonly consumer: string | null;
  readonly model: string | null;
  readonly client: string | null;
  readonly since: Date | null;
}

export interface RunningWork extends QueuedWork {
  readonly runMs: number | null;
  readonly expectedMs: number | null;
}

export interface WaitingWork extends QueuedWork {
  readonly position: number | null;
  /** It is its turn, and room is being made for it. */
  readonly isAdmitting: boolean;
  readonly waitMs: number | null;
  /** Until it begins, from now on. */
  readonly estimateMs: number | null;
  /** From and to. */
  readonly rangeMs: readonly [number, number] | null;
  /** Why there is no estimate, in a word of the daemon's; where there is one, `measured`. */
  readonly estimateReason: string | null;
  readonly willEvict: readonly { readonly consumer: string; readonly freesMib: number | null }[];
  /** Consumers whose other work it waits for. */
  readonly heldBy: readonly string[];
}

/** What `GET /v1/queue` says, read without trust in any member. */
export interface QueueDocument {
  readonly time: Date | null;
  readonly running: readonly RunningWork[];
  /** In the order of the queue; perhaps only the first of them. */
  readonly waiting: readonly WaitingWork[];
  readonly waitingTotal: number;
  readonly paused: PauseStatus | null;
}

/** Reads the body of an answer; null where it is no queue. */
export function readQueue(body: unknown): QueueDocument | null {
  const waiting = memberOf(body, 'waiting');
  if (!isRecord(body) || !Array.isArray(waiting)) return null;
  const read = waiting.map(readWaiting);
  return {
    time: dateOf(body, 'time'),
    running: itemsOf(memberOf(body, 'running')).map((work) => ({ ...readWork(work), runMs: numberOf(work, 'run_ms'), expectedMs: numberOf(work, 'expected_ms') })),
    waiting: read,
    waitingTotal: numberOf(body, 'waiting_total') ?? read.length,
    paused: readPause(memberOf(body, 'paused')),
  };
}

function readWork(work: unknown): QueuedWork {
  return {
    id: textOf(work, 'id') ?? '?',
    requestId: textOf(work, 'request_id'),
    kind: textOf(work, 'kind'),
    consumer: textOf(work, 'consumer'),
    model: textOf(work, 'model'),
    client: textOf(work, 'client'),
    since: dateOf(work, 'since'),
  };
}

function readWaiting(work: unknown): WaitingWork {
  const [low, high] = itemsOf(memberOf(work, 'estimated_wait_range_ms'));
  return {
    ...readWork(work),
    position: numberOf(work, 'position'),
    isAdmitting: memberOf(work, 'admitting') === true,
    waitMs: numberOf(work, 'wait_ms'),
    estimateMs: numberOf(work, 'estimated_wait_ms'),
    rangeMs: typeof low === 'number' && typeof high === 'number' ? [low, high] : null,
    estimateReason: textOf(work, 'estimate'),
    willEvict: itemsOf(memberOf(work, 'will_evict')).map((target) => ({ consumer: textOf(target, 'consumer') ?? '?', freesMib: numberOf(target, 'frees_mib') })),
    heldBy: namesIn(memberOf(work, 'held_by')),
  };
}

/** One name, or several. */
function namesIn(value: unknown): string[] {
  return (typeof value === 'string' ? [value] : itemsOf(value)).filter((each) => typeof each === 'string');
}
