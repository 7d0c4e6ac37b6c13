import type { ConsumerUnloaded, UnloadingLabel } from './events.ts';
import type { GateRequest } from './gating.ts';
import type { Plan } from './plan.ts';
import { orNull } from './request-events.ts';

/** An unloading that is to begin. */
export interface Unloading {
  readonly consumer: string;
  /** null: not to make room. */
  readonly plan: Plan | null;
  readonly request: Pick<GateRequest, 'id' | 'cause'>;
  /** 0: nothing that could be seen. */
  readonly expectedMib: number;
}

/** What both events of an unloading say. */
export function unloadingLabel({ consumer, plan, request, expectedMib }: Unloading): UnloadingLabel {
  return {
    consumer,
    for: plan?.consumer ?? null,
    request: request.id,
    reason: plan === null ? (request.cause ?? 'hand') : 'room',
    explanation: plan?.reason ?? null,
    expected_mib: expectedMib === 0 ? null : Math.round(expectedMib),
  };
}

/** How an unloading went. `freedMib` null: not seen; times missing: it did not come so far. */
export interface UnloadResult {
  readonly isFreed: boolean;
  readonly freedMib: number | null;
  readonly hookMs?: number;
  readonly settleMs?: number;
  /** Why the hook failed; missing: it did not. */
  readonly error?: string;
}

/** What is told at the end of an unloading. */
export function consumerUnloaded(label: UnloadingLabel, { isFreed, freedMib, hookMs, settleMs, error }: UnloadResult): ConsumerUnloaded {
  return {
    type: 'unloaded',
    ...label,
    result: isFreed ? 'freed' : 'failed',
    freed_mib: freedMib === null ? null : Math.round(freedMib),
    hook_ms: orNull(hookMs),
    settle_ms: orNull(settleMs),
    error: isFreed ? null : (error ?? 'its memory was not seen free in time'),
  };
}
