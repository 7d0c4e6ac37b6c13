import type { Clock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import { afterOurWork } from '../core/after-work.ts';
import type { GatedConsumer } from '../core/gating.ts';
import { planFor } from '../core/plan.ts';
import type { Plan, Target } from '../core/plan.ts';
import type { Consumers, FreshSamples } from './ports.ts';

/** A plan is kept for so long, ms: whoever looks again within that sees no change of the card either. */
const KEPT_MS = 250;

/** What making room for a consumer would do, were it the next. */
export interface Room {
  readonly willEvict: readonly Target[];
  /** Consumers whose work did not come through us and has to end first. */
  readonly heldBy: readonly string[];
}

const NONE: Room = { willEvict: [], heldBy: [] };

/** What rooms are planned with. */
export interface RoomServices {
  readonly clock: Clock;
  readonly consumers: Consumers;
  readonly samples: FreshSamples;
  settings(): Config;
}

/** Plans for consumers that wait, on the newest sample, as if what runs had ended; each is worked out once in a while, however many of its requests wait. */
export class Rooms {
  readonly #services: RoomServices;
  readonly #kept = new WeakMap<GatedConsumer, { readonly at: number; readonly room: Room }>();

  constructor(services: RoomServices) {
    this.#services = services;
  }

  of(consumer: GatedConsumer): Room {
    const now = this.#services.clock.now();
    const kept = this.#kept.get(consumer);
    if (kept !== undefined && now - kept.at < KEPT_MS) return kept.room;
    const room = this.#plan(consumer);
    this.#kept.set(consumer, { at: now, room });
    return room;
  }

  #plan(consumer: GatedConsumer): Room {
    const { consumers, samples, settings } = this.#services;
    const snapshot = consumers.snapshot(settings(), samples.lastSample());
    const names = snapshot.consumers.map(({ name }) => name);
    if (!names.includes(consumer.name)) return NONE;
    const working = names.filter((name) => consumers.byName(name)?.isWorkingForOthers === true);
    return roomIn(planFor(consumer.name, afterOurWork(snapshot, new Set(working))), working);
  }
}

function roomIn({ plan, targets, busy }: Plan, working: readonly string[]): Room {
  return { willEvict: targets, heldBy: plan === 'wait' ? busy.filter((name) => working.includes(name)) : [] };
}
