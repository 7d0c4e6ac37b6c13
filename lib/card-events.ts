import type { Clock } from './clock.ts';
import type { Registry } from './consumers/registry.ts';
import { cardSampled } from './core/card-events.ts';
import type { Witness } from './core/events.ts';
import type { Sampler } from './gpu/sampler.ts';

/** While memory settles the card is read up to fifty times a second; nobody wants to be told so often. ms */
const PACE_MS = 1000;

/** What readings are told with. */
export interface CardEventServices {
  readonly sampler: Pick<Sampler, 'onReading'>;
  readonly registry: Pick<Registry, 'everyone' | 'use'>;
  readonly clock: Clock;
  readonly events: Witness;
}

/** Tells readings of the card from now on, one a second at most; the first failure, and the first success after it, at once. */
export function tellReadings({ sampler, registry, clock, events }: CardEventServices): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let wasOk: boolean | null = null;
  sampler.onReading((reading) => {
    const now = clock.now();
    if (reading.ok === wasOk && now - toldAt < PACE_MS) return;
    toldAt = now;
    wasOk = reading.ok;
    events.note(cardSampled(reading, usesOf(registry)));
  });
}

function usesOf(registry: CardEventServices['registry']): Map<string, number> {
  const uses = new Map<string, number>();
  for (const consumer of registry.everyone()) {
    const use = registry.use(consumer);
    if (use !== null) uses.set(consumer.name, use.mib);
  }
  return uses;
}
