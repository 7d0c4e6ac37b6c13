import { setTimeout as delay } from 'node:timers/promises';
import type { GatedConsumer } from '../core/gating.ts';
import { planFor } from '../core/plan.ts';
import type { Plan, Target } from '../core/plan.ts';
import type { Sample } from '../core/model.ts';
import { consumerUnloaded, unloadingLabel } from '../core/unloading-events.ts';
import type { GateServices } from './gate.ts';
import type { Ticket } from './ticket.ts';

/** Freed this share of what was expected, a consumer has let go; the rest is its bare context. */
const FREED = 0.9;
/** Less than this at the end of the settle time counts as nothing. */
const FREED_AT_LEAST = 0.5;
/** Between two readings while memory settles. A reading itself takes 20 to 100 ms, so this only bounds a fast one. */
const SETTLE_POLL_MS = 20;

/** Why a consumer is unloaded, and the sample that was planned with; null: the card could not be read. */
interface Purpose {
  readonly plan: Plan;
  readonly ticket: Ticket;
  readonly before: Sample | null;
}

/** How an unloading went. `working`: not begun, as the consumer works for others; `given_up`: not begun, as there is nothing to unload or nobody wants it any more. */
export type Eviction = 'freed' | 'failed' | 'working' | 'given_up';

/** How the memory came back. */
interface Settlement {
  readonly isFreed: boolean;
  readonly freedMib: number | null;
}

/** Carries out a plan's unloading, one target at a time, and looks at the card until the memory is really free. */
export class Evictor {
  readonly #services: GateServices;
  #count = 0;

  constructor(services: GateServices) {
    this.#services = services;
  }

  /** Unloads that were asked for to make room. */
  get count(): number {
    return this.#count;
  }

  /**
   * Unloads `target` so that the ticket's consumer fits, unless it works for others than us. Never rejects.
   * Called in the turn in which the plan was made; while it is under way nothing of ours can begin.
   */
  async evict(target: Target, { plan, ticket, before }: Purpose): Promise<Eviction> {
    const { consumers, hooks } = this.#services;
    const consumer = consumers.byName(target.consumer);
    if (consumer === null || consumer.busy > 0) return 'failed';
    const seen = await hooks.look(consumer);
    if (seen === 'working') return 'working';
    // The next plan knows what has changed.
    if (seen === 'absent' || isOver(ticket) || consumers.byName(target.consumer) !== consumer) return 'given_up';
    this.#count += 1;
    const { consumer: needy, config } = ticket.request;
    // By its name at that moment: a reload may retire it, and so rename it, meanwhile.
    const fits = (sample: Sample): boolean => planFor(needy.name, consumers.snapshot(config, sample)).plan === 'fits';
    return this.#unload(consumer, { ticket, plan, before, expectedMib: target.freesMib, fits });
  }

  /** Unloads the ticket's own consumer, unless it works for others than us. Never rejects. */
  async unloadByHand(ticket: Ticket, before: Sample | null): Promise<Eviction> {
    const { consumer, config } = ticket.request;
    const { consumers, hooks } = this.#services;
    const seen = await hooks.look(consumer);
    if (seen === 'working') return 'working';
    if (seen === 'absent' || isOver(ticket)) return 'given_up';
    const planned = consumers.snapshot(config, null).consumers.find((other) => other.name === consumer.name);
    const expectedMib = planned === undefined ? 0 : Math.max(0, (planned.usedMib ?? planned.footprintMib ?? 0) - planned.residualMib);
    return this.#unload(consumer, { ticket, plan: null, before, expectedMib, fits: () => false });
  }

  async #unload(consumer: GatedConsumer, goal: Goal): Promise<'freed' | 'failed'> {
    const { consumers, hooks, clock, logger, events } = this.#services;
    const startedAt = clock.now();
    const facts = { consumer: consumer.name, for: goal.plan?.consumer ?? 'request by hand', id: goal.ticket.request.id };
    const label = unloadingLabel({ consumer: consumer.name, plan: goal.plan, request: goal.ticket.request, expectedMib: goal.expectedMib });
    events.note({ type: 'unloading', ...label });
    try {
      await hooks.unload(consumer);
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      consumers.unloaded(consumer, { isFreed: false, hookEndedAt: clock.now() });
      logger.error('unload failed', { ...facts, error });
      events.note(consumerUnloaded(label, { isFreed: false, freedMib: null, hookMs: clock.now() - startedAt, error }));
      return 'failed';
    }
    const hookEndedAt = clock.now();
    const hookMs = hookEndedAt - startedAt;
    const { isFreed, freedMib } = await this.#settle(goal);
    consumers.unloaded(consumer, { isFreed, hookEndedAt });
    const settleMs = clock.now() - hookEndedAt;
    events.note(consumerUnloaded(label, { isFreed, freedMib, hookMs, settleMs }));
    const result = { ...facts, expected_mib: goal.expectedMib, freed_mib: freedMib, hook_ms: Math.round(hookMs) };
    const settled = { ...result, settle_ms: Math.round(settleMs), reason: goal.plan?.reason };
    if (isFreed) logger.info('unloaded', settled);
    else logger.error('unloaded, but its memory was not seen free', settled);
    return isFreed ? 'freed' : 'failed';
  }

  /**
   * Reads the card until the memory is free or the time is up. Where it cannot be read, or nothing is expected, the hook is
   * believed.
   */
  async #settle(goal: Goal): Promise<Settlement> {
    const { samples, clock } = this.#services;
    const { before } = goal;
    if (before === null || goal.expectedMib === 0) return { isFreed: true, freedMib: null };
    const deadline = clock.now() + goal.ticket.request.config.eviction.settle_timeout;
    for (;;) {
      const sample = await samples.fresh(clock.now());
      if (sample === null) return { isFreed: true, freedMib: null };
      const freedMib = sample.freeMib - before.freeMib;
      if (freedMib >= FREED * goal.expectedMib || goal.fits(sample)) return { isFreed: true, freedMib };
      if (clock.now() >= deadline) return { isFreed: freedMib >= FREED_AT_LEAST * goal.expectedMib, freedMib };
      await delay(SETTLE_POLL_MS);
    }
  }
}

/** What an unload is to reach. `plan` null: by hand. */
interface Goal {
  readonly ticket: Ticket;
  readonly plan: Plan | null;
  /** The card before the unload; null: it could not be read. */
  readonly before: Sample | null;
  readonly expectedMib: number;
  fits(sample: Sample): boolean;
}

/** Asked anew after each `await`. */
function isOver(ticket: Ticket): boolean {
  return ticket.isSettled;
}
