import type { Config } from '../config/types.ts';
import type { GatedConsumer, GateRequest, Place } from '../core/gating.ts';
import type { Plan } from '../core/plan.ts';
import type { ReadinessFacts } from '../core/readiness.ts';
import type { StatusFacts } from '../core/status.ts';

/** What our own routes ask of the daemon. None of it waits for a consumer or for the card. */
export interface ApiServices {
  status(): StatusFacts;
  readiness(): ReadinessFacts;
  config(): Config;
  consumer(name: string): GatedConsumer | null;
  /** What an admission would do now, on the newest sample; nothing is done. */
  plan(name: string): Plan;
  acquire(request: GateRequest): Place;
  leave(place: Place): void;
}
