import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Work } from '../../../lib/core/gating.ts';
import type { JobReach } from '../../../lib/core/residency.ts';
import { cases } from '../../support/cases.ts';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import type { Asked } from '../../support/gate-bench.ts';

const TOTAL_MIB = 10_000;
/** Sizes, hooks and limits of all sorts on a card that holds about two of them. */
const CONSUMERS = {
  large: { vram_resident_mib: 8000, ...HOOKS, priority: 1 },
  middle: { vram_resident_mib: 5000, ...HOOKS, max_concurrency: 2, priority: 3 },
  small: { vram_resident_mib: 2000, ...HOOKS, max_concurrency: 2, can_coexist_with: ['middle'] },
  lazy: { vram_resident_mib: 6000, unload: HOOKS.unload, busy: { path: '/p', pointer: '/x' }, priority: 0 },
  managed: { vram_managed: true, max_concurrency: 3, priority: 4 },
} as const;
const NAMES = Object.keys(CONSUMERS);

/** What happens to the gate. Indexes wrap around. */
type Op =
  | { readonly type: 'ask'; readonly name: string; readonly work: Work }
  | { readonly type: 'leave'; readonly index: number }
  | { readonly type: 'release'; readonly index: number; readonly reach: JobReach }
  | { readonly type: 'stops working'; readonly index: number }
  | { readonly type: 'hook ends'; readonly isGood: boolean }
  | { readonly type: 'probe'; readonly name: string; readonly isGood: boolean }
  | { readonly type: 'card'; readonly isReadable: boolean }
  | { readonly type: 'foreign'; readonly mib: number }
  | { readonly type: 'keeps'; readonly name: string; readonly share: number }
  | { readonly type: 'shrinks'; readonly name: string }
  | { readonly type: 'sample' }
  | { readonly type: 'pass'; readonly ms: number };

const name = fc.constantFrom(...NAMES);
const index = fc.nat({ max: 30 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('ask' as const), name, work: fc.constantFrom<Work>('exchange', 'exchange', 'exchange', 'exchange', 'load', 'unload') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('leave' as const), index }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('release' as const), index, reach: fc.constantFrom<JobReach>('served', 'served', 'sent', 'not_sent') }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('stops working' as const), index }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('hook ends' as const), isGood: fc.nat({ max: 5 }).map((roll) => roll > 0) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('probe' as const), name, isGood: fc.nat({ max: 2 }).map((roll) => roll > 0) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('card' as const), isReadable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('foreign' as const), mib: fc.constantFrom(0, 500, 3000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('keeps' as const), name, share: fc.constantFrom(0, 0.05, 0.6, 1) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('shrinks' as const), name }) },
  { weight: 2, arbitrary: fc.constant({ type: 'sample' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.nat({ max: 40_000 }) }) },
);

/** More than any storm needs to come to rest. */
const MOST_TURNS = 300;

/** A bench and what must hold of it at every moment. */
class Storm {
  readonly bench: GateBench;
  readonly concurrency: number;
  readonly maxWaiting = 6;
  #wasBlind = false;

  constructor(concurrency: number) {
    this.concurrency = concurrency;
    const settings = { gpu: { concurrency }, queue: { max_waiting: this.maxWaiting }, eviction: { settle_timeout: '1s' } };
    this.bench = new GateBench({ ...settings, consumers: CONSUMERS }, { totalMib: TOTAL_MIB }).absent('large', 'middle', 'small');
    // Longer than the settle time, so that no test waits for memory that never comes free.
    this.bench.card.readingMs = 1000;
    this.bench.hooks.isSlow = true;
    this.bench.hooks.onBegin = ({ type, consumer }) => {
      expect(this.bench.hooks.underWay).toHaveLength(1);
      expect(this.bench.gate.statistics.waiting).toBeGreaterThan(0);
      if (type === 'unload') expect(consumer.running).toBe(0);
    };
  }

  /** Leases that have been given and whose consumer has not stopped working. */
  get leases(): Asked[] {
    return this.bench.asked.filter(({ state }) => state === 'granted');
  }

  get waiting(): Asked[] {
    return this.bench.asked.filter(({ ticket }) => !ticket.isSettled);
  }

  do(step: Op): void {
    const { bench } = this;
    const { hooks, completion } = bench;
    if (step.type === 'ask') this.#ask(step);
    else if (step.type === 'leave') at(bench.asked, step.index, (each) => bench.leave(each));
    else if (step.type === 'release') at(this.leases, step.index, (each) => this.#release(each, step.reach));
    else if (step.type === 'stops working') at(completion.pending, step.index, (each) => this.#stopWorking(each));
    else if (step.type === 'hook ends') at(hooks.underWay, 0, (hook) => (step.isGood ? hook.end() : hook.fail()));
    else if (step.type === 'probe') bench.probe(step.name, step.isGood);
    else if (step.type === 'card') this.#setReadable(step.isReadable);
    else if (step.type === 'foreign') bench.card.foreignMib = step.mib;
    else if (step.type === 'keeps') hooks.keepsMib.set(step.name, step.share * this.#footprintOf(step.name));
    else if (step.type === 'shrinks') this.#shrink(step.name);
    else if (step.type === 'sample') void bench.card.fresh(bench.clock.now());
    else bench.clock.pass(step.ms);
  }

  #setReadable(isReadable: boolean): void {
    this.bench.card.isReadable = isReadable;
    this.#wasBlind ||= !isReadable;
  }

  #footprintOf(consumer: string): number {
    return this.bench.consumer(consumer).config.vram_resident_mib ?? 0;
  }

  /** An idle consumer may give back memory by itself, and take it again when it works. */
  #shrink(consumer: string): void {
    const { card, registry } = this.bench;
    if (registry.byName(consumer)?.busy !== 0) return;
    card.uses.set(consumer, (card.uses.get(consumer) ?? 0) / 2);
    // Unseen it would count as all there: no use is known, and it is resident.
    void card.fresh(this.bench.clock.now());
  }

  #ask({ name: consumer, work }: Extract<Op, { type: 'ask' }>): void {
    const isFull = this.waiting.length >= this.maxWaiting;
    if (isFull) expect(() => this.bench.ask(consumer, { work })).toThrow('queue.max_waiting');
    else this.bench.ask(consumer, { work });
  }

  /** A consumer that has worked has its weights loaded by then. */
  #release(lease: Asked, reach: JobReach): void {
    if (reach !== 'not_sent') this.bench.card.uses.set(lease.consumer, this.#footprintOf(lease.consumer));
    lease.release(reach);
  }

  #stopWorking(work: { readonly consumer: string; end(): void }): void {
    const { pending } = this.bench.completion;
    pending.splice(pending.indexOf(work), 1);
    work.end();
  }

  /** What must hold whenever everything that follows from the last step has happened. */
  check(): void {
    const { bench } = this;
    const { waiting, running } = bench.gate.statistics;
    const held = this.leases.length + bench.completion.pending.length;
    expect({ waiting, running }).toEqual({ waiting: this.waiting.length, running: held });
    expect(running).toBeLessThanOrEqual(this.concurrency);
    const all = bench.registry.all();
    const counts = all.map((each) => [each.name, each.waiting, each.running]);
    expect(counts).toEqual(all.map(({ name: own }) => [own, this.waiting.filter((each) => each.consumer === own).length, this.#heldBy(own)]));
    expect(all.filter((each) => each.running > each.config.max_concurrency)).toEqual([]);
    // A consumer is busy with its leases, and one of all with the admission.
    const admissions = all.map((each) => each.busy - each.running);
    const admitting = admissions.reduce((sum, each) => sum + each, 0);
    expect([0, 1]).toContain(admitting);
    const longest = Math.min(...this.waiting.map(({ ticket }) => ticket.enqueuedAt));
    expect(bench.gate.statistics.oldestWaitMs).toBe(this.waiting.length === 0 ? null : bench.clock.now() - longest);
    if (admitting === 0 && running < this.concurrency) expect(this.waiting.filter(isServable)).toEqual([]);
    this.#checkMemory();
  }

  #heldBy(consumer: string): number {
    const leases = this.leases.filter((each) => each.consumer === consumer).length;
    return leases + this.bench.completion.pending.filter((each) => each.consumer === consumer).length;
  }

  /**
   * The reason of it all: whatever is loaded and works can have its footprint, and the card still holds it. A hook that
   * lies while the card cannot be read goes unnoticed.
   */
  #checkMemory(): void {
    const { card, registry } = this.bench;
    if (this.#wasBlind) return;
    const neededMib = registry.all().reduce((sum, consumer) => {
      const usedMib = card.uses.get(consumer.name) ?? 0;
      const wantsMib = consumer.running > 0 ? this.#footprintOf(consumer.name) : 0;
      return sum + Math.max(usedMib, wantsMib);
    }, 0);
    expect(neededMib).toBeLessThanOrEqual(TOTAL_MIB);
  }

  /** Hooks work again, everybody leaves the card when served: nobody may be left waiting for ever. */
  async calm(): Promise<void> {
    const { bench } = this;
    bench.card.isReadable = true;
    bench.card.foreignMib = 0;
    bench.hooks.keepsMib.clear();
    for (const each of NAMES) bench.probe(each, true);
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      await bench.settled();
      this.check();
      if (bench.gate.statistics.waiting + bench.gate.statistics.running + bench.hooks.underWay.length === 0) return;
      for (const hook of bench.hooks.underWay) hook.end();
      for (const lease of this.leases) this.#release(lease, 'served');
      for (const work of [...bench.completion.pending]) this.#stopWorking(work);
    }
  }
}

/** Nothing but a place among the leases is in its way. */
function isServable({ ticket }: Asked): boolean {
  const { consumer, consumerConfig, work } = ticket.request;
  return consumer.busy < (work === 'exchange' ? consumerConfig.max_concurrency : 1);
}

function at<T>(all: readonly T[], position: number, act: (each: T) => void): void {
  const each = all[position % Math.max(1, all.length)];
  if (each !== undefined) act(each);
}

/** A step, and whether the next one comes in the same turn. */
const step = fc.record({ op, isTogether: fc.nat({ max: 3 }).map((roll) => roll === 0) });

describe('whatever happens to the gate', () => {
  test.each([1, 2, 3])(
    'with %i leases, its numbers are exact, its bounds hold, and nobody is left behind',
    async (concurrency) => {
      const seen = { jobs: 0, evictions: 0, refusals: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
          const storm = new Storm(concurrency);
          const { bench } = storm;
          for (const { op: what, isTogether } of steps) {
            storm.do(what);
            if (isTogether) continue;
            await bench.settled();
            storm.check();
          }
          await storm.calm();
          expect(storm.waiting).toEqual([]);
          expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 0, oldestWaitMs: null });
          for (const consumer of bench.registry.all()) expect(consumer).toMatchObject({ waiting: 0, running: 0, busy: 0 });
          await bench.stop();
          seen.jobs += bench.gate.statistics.totalJobs;
          seen.evictions += bench.gate.statistics.evictions;
          seen.refusals += bench.asked.filter(({ state }) => state === 'refused').length;
        }),
        { numRuns: cases(200) },
      );
      for (const count of Object.values(seen)) expect(count).toBeGreaterThan(cases(200) / 4);
    },
    60_000,
  );
});
