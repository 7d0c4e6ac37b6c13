import { capacityMib, headroomMib, requiredMib } from './headroom.ts';
import type { GpuProcess } from './model.ts';
import { explain } from './plan-reason.ts';
import { freeableMib } from './snapshot.ts';
import type { PlannedConsumer, Snapshot } from './snapshot.ts';

/** A consumer that is to be unloaded, and what that is expected to free. */
export interface Target {
  readonly consumer: string;
  readonly freesMib: number;
}

/** What to do so that a consumer can run. Memory in MiB. */
export interface Plan {
  readonly plan: 'fits' | 'evict' | 'wait' | 'impossible';
  readonly consumer: string;
  readonly requiredMib: number;
  readonly headroomMib: number;
  readonly freeMib: number | null;
  /** To be unloaded, in this order. */
  readonly targets: readonly Target[];
  /** Whose work has to end first. */
  readonly busy: readonly string[];
  readonly foreign: readonly GpuProcess[];
  /** Cannot fit on this card even when it is empty. */
  readonly permanent: boolean;
  /** One sentence for people. */
  readonly reason: string;
}

type Decision = Pick<Plan, 'plan' | 'targets' | 'busy' | 'permanent'>;

/** Plans the admission of `name`. `excluded` are consumers whose unloading has just failed. */
export function planFor(name: string, snapshot: Snapshot, excluded: ReadonlySet<string> = new Set()): Plan {
  const target = snapshot.consumers.find((consumer) => consumer.name === name);
  if (target === undefined) throw new Error(`planFor: ${name} is not in the snapshot`);
  const facts = {
    consumer: name,
    requiredMib: requiredMib(target, snapshot),
    headroomMib: headroomMib(target, snapshot),
    freeMib: snapshot.freeMib,
    foreign: snapshot.foreign,
  };
  const decision = decide(target, snapshot, { missing: facts.requiredMib - facts.headroomMib, excluded });
  const plan = { ...facts, ...decision };
  return { ...plan, reason: explain(plan, snapshot) };
}

/** What the target lacks (MiB), and who cannot be counted on. */
interface Shortage {
  readonly missing: number;
  readonly excluded: ReadonlySet<string>;
}

function decide(target: PlannedConsumer, snapshot: Snapshot, { missing, excluded }: Shortage): Decision {
  const none: Decision = { plan: 'fits', targets: [], busy: [], permanent: false };
  if (missing <= 0 || requiredMib(target, snapshot) === 0) return none;
  // First: for one that will not fit even so, nobody is unloaded.
  if (canNeverFit(target, snapshot)) return { ...none, plan: 'impossible', permanent: true };
  const all = snapshot.consumers.filter((other) => isEvictable(other, target) && !excluded.has(other.name));
  const idle = leastRecentlyUsedFirst(all.filter((other) => !other.busy && isLoaded(other)));
  const targets = choose(idle, missing);
  if (targets !== null) return { ...none, plan: 'evict', targets: targets.map(asTarget) };
  const busy = all.filter((other) => other.busy);
  // How much one takes that is still growing is not known well enough to refuse somebody for it.
  if (total(idle) + total(busy) >= missing || busy.some((other) => other.promised)) return { ...none, plan: 'wait', busy: busy.map((other) => other.name) };
  return { ...none, plan: 'impossible' };
}

/** May ever be unloaded for `target`. */
function isEvictable(other: PlannedConsumer, target: PlannedConsumer): boolean {
  if (other.name === target.name || target.coexistsWith.includes(other.name)) return false;
  return other.hasUnload && !other.vramManaged && freeableMib(other) > 0;
}

/** `unknown` counts as loaded: a hook that failed leaves us without certainty, and the memory may well be taken. */
function isLoaded(other: PlannedConsumer): boolean {
  return other.residency === 'resident' || other.residency === 'unknown';
}

/** Never used goes first; the name settles ties, so that a plan is the same every time. */
function leastRecentlyUsedFirst(consumers: readonly PlannedConsumer[]): PlannedConsumer[] {
  const rank = (consumer: PlannedConsumer): number => consumer.lastUsedAt ?? Number.NEGATIVE_INFINITY;
  return consumers.toSorted((a, b) => compare(rank(a), rank(b)) || compare(a.name, b.name));
}

function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}

/** Spares candidates, the last one first, as long as the others still free `missing`. null: all together do not suffice. */
function choose(candidates: readonly PlannedConsumer[], missing: number): readonly PlannedConsumer[] | null {
  if (total(candidates) < missing) return null;
  return candidates.reduceRight((kept, candidate) => {
    const without = kept.filter((other) => other !== candidate);
    return total(without) >= missing ? without : kept;
  }, candidates);
}

function canNeverFit(target: PlannedConsumer, snapshot: Snapshot): boolean {
  return (target.footprintMib ?? 0) + snapshot.cushionMib > capacityMib(snapshot) - snapshot.reservedMib;
}

function asTarget(consumer: PlannedConsumer): Target {
  return { consumer: consumer.name, freesMib: freeableMib(consumer) };
}

function total(consumers: readonly PlannedConsumer[]): number {
  return consumers.reduce((sum, consumer) => sum + freeableMib(consumer), 0);
}
