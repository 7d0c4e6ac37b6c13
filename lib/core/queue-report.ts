import type { Outlook } from './forecast.ts';
import type { GateRequest, Pause } from './gating.ts';
import type { Expected, Unknown } from './pace.ts';

/** So many that wait are listed, the next ones; a page that shows more helps nobody. */
export const LISTED = 500;

/** One in the queue. Times monotonic, ms. */
export interface QueuedFacts {
  readonly id: string;
  readonly request: Pick<GateRequest, 'id' | 'work' | 'kind' | 'model' | 'client'> & { readonly consumer: { readonly name: string } };
  /** When it asked, or had its turn. */
  readonly since: number;
}

export interface RunningFacts extends QueuedFacts {
  readonly expected: Expected | Unknown;
}

export interface WaitingFacts extends QueuedFacts {
  readonly outlook: Outlook;
  /** Room is being made for it. */
  readonly isAdmitted: boolean;
  readonly willEvict: readonly { readonly consumer: string; readonly freesMib: number }[];
  readonly heldBy: readonly string[];
}

/** The queue at one moment. */
export interface QueueFacts {
  /** Wall clock and monotonic, ms, of the same moment. */
  readonly time: Date;
  readonly now: number;
  readonly running: readonly RunningFacts[];
  /** The next ones, in the order of their positions. */
  readonly waiting: readonly WaitingFacts[];
  /** Also those that are not listed. */
  readonly waitingTotal: number;
  readonly paused: Pause | null;
}

/** The body of `GET /v1/queue`. Durations in whole ms, memory in whole MiB; null: not known, or there is none. */
export function queueReport(facts: QueueFacts): Record<string, unknown> {
  const { paused } = facts;
  return {
    schema_version: 1,
    time: facts.time.toISOString(),
    running: facts.running.map((each) => ({ ...labelOf(each, facts), run_ms: Math.round(facts.now - each.since), expected_ms: msOf(each.expected) })),
    waiting: facts.waiting.map((each) => waitingReport(each, facts)),
    waiting_total: facts.waitingTotal,
    paused: paused === null ? null : { since: paused.since.toISOString(), by: paused.by },
  };
}

function labelOf({ id, request, since }: QueuedFacts, facts: QueueFacts): Record<string, unknown> {
  return {
    id,
    request_id: request.id,
    kind: request.kind ?? request.work,
    consumer: request.consumer.name,
    model: request.model ?? null,
    client: request.client ?? null,
    since: wallAt(since, facts),
  };
}

function waitingReport(each: WaitingFacts, facts: QueueFacts): Record<string, unknown> {
  const { wait, position } = each.outlook;
  const isKnown = typeof wait !== 'string';
  return {
    ...labelOf(each, facts),
    position,
    admitting: each.isAdmitted,
    wait_ms: Math.round(facts.now - each.since),
    estimate: isKnown ? 'measured' : wait,
    estimated_start: isKnown ? wallAt(facts.now + wait.ms, facts) : null,
    estimated_wait_ms: msOf(wait),
    estimated_wait_range_ms: isKnown ? [Math.round(wait.lowMs), Math.round(wait.highMs)] : null,
    will_evict: each.willEvict.map(({ consumer, freesMib }) => ({ consumer, frees_mib: Math.round(freesMib) })),
    held_by: each.heldBy,
  };
}

function msOf(expected: Expected | Unknown): number | null {
  return typeof expected === 'string' ? null : Math.round(expected.ms);
}

function wallAt(monotonicMs: number, { time, now }: QueueFacts): string {
  return new Date(time.getTime() + monotonicMs - now).toISOString();
}
