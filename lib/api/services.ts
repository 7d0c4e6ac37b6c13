import type { Config } from '../config/types.ts';
import type { GatedConsumer, GateRequest, Place } from '../core/gating.ts';
import type { Plan } from '../core/plan.ts';
import type { ReadinessFacts } from '../core/readiness.ts';
import type { StatusFacts } from '../core/status.ts';

/** What our own routes ask of the daemon. Only `plan` may wait for a reading of the card, 1 s at most. */
export interface ApiServices {
  status(): StatusFacts;
  readiness(): ReadinessFacts;
  config(): Config;
  consumer(name: string): GatedConsumer | null;
  /** What an admission would do now, on a sample as fresh as it would ask for; nothing is done. null: no such consumer. */
  plan(name: string): Promise<Plan | null>;
  acquire(request: GateRequest): Place;
  leave(place: Place): void;
}
