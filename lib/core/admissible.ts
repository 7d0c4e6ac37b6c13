import type { Health, Residency } from './model.ts';
import { clampS } from './retry-after.ts';

/** What tells whether a consumer may be asked at all. */
export interface AdmissibleFacts {
  readonly consumer: { readonly name: string; readonly health: Health; readonly residency: Residency };
  /** It has a load hook. */
  readonly canLoad: boolean;
  readonly probeIntervalMs: number;
}

/**
 * Why a consumer is refused, or null. An unprobed one is let in; so is an absent one that can be loaded, since a stopped
 * unit answers no probe.
 */
export function consumerDown({ consumer, canLoad, probeIntervalMs }: AdmissibleFacts): { message: string; retryAfterS: number } | null {
  const { health, name, residency } = consumer;
  if (health.state !== 'unhealthy' || (canLoad && residency === 'absent')) return null;
  return { message: `${name} is down: ${health.error}`, retryAfterS: clampS(probeIntervalMs / 1000) };
}
