import type { Health, Residency } from './model.ts';
import { clampS } from './retry-after.ts';

/** What tells whether a consumer may be asked at all. */
export interface AdmissibleFacts {
  readonly consumer: { readonly name: string; readonly health: Health; readonly residency: Residency; readonly canLoad: boolean };
  readonly probeIntervalMs: number;
}

/**
 * Why a consumer is refused, or null. An unprobed one is let in. So is one that can be loaded and is absent, loading or
 * unloading: a stopped unit answers no probe, and what comes while it starts is to join that.
 */
export function consumerDown({ consumer, probeIntervalMs }: AdmissibleFacts): { message: string; retryAfterS: number } | null {
  const { health, name, residency, canLoad } = consumer;
  if (health.state !== 'unhealthy' || (canLoad && isStopped(residency))) return null;
  return { message: `${name} is down: ${health.error}`, retryAfterS: clampS(probeIntervalMs / 1000) };
}

/** A load is under way, or will be before it is asked for anything. */
export function isStopped(residency: Residency): boolean {
  return residency === 'absent' || residency === 'loading' || residency === 'unloading';
}
