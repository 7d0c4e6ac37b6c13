import type { Attribution, GpuProcess } from './model.ts';

/** Who listens on a consumer's port. Hidden: somebody does, but we may not or cannot see which process. */
export type Listener =
  | { readonly state: 'closed' }
  | { readonly state: 'found'; readonly pids: readonly number[] }
  | { readonly state: 'hidden' };

/** One consumer on this machine. */
export interface LocalConsumer {
  readonly name: string;
  readonly listener: Listener;
  /** Its systemd unit, if it has one. */
  readonly unit: string | null;
}

/** A process on the card and where it stands among all processes. */
export interface PlacedProcess {
  readonly process: GpuProcess;
  /** Its own pid, its parent's and so on up. Empty: it has ended, or lives in a pid namespace that we do not see. */
  readonly lineage: readonly number[];
  /** The segments of its cgroup paths, the units among them. */
  readonly cgroups: readonly string[];
}

export interface AttributionFacts {
  readonly consumers: readonly LocalConsumer[];
  readonly processes: readonly PlacedProcess[];
}

/** A process with the consumers it belongs to. More than one: they share it, and nobody can say who uses how much. */
interface Owned {
  readonly placed: PlacedProcess;
  readonly owners: readonly string[];
}

/**
 * Attributes each process to the consumer on whose port it or its nearest ancestor listens, else to the one whose unit it
 * runs in. The rest is foreign, unless it may belong to a consumer that could not be attributed.
 */
export function attribute(facts: AttributionFacts): Attribution {
  const owned = facts.processes.map((placed) => ({ placed, owners: ownersOf(placed, facts.consumers) }));
  const blind = facts.consumers.filter((consumer) => !isSettled(consumer, owned));
  const uses = facts.consumers.map((consumer) => [consumer.name, blind.includes(consumer) ? null : useMib(consumer, owned)] as const);
  const unowned = processesWith(owned, (owners) => owners.length === 0);
  const shared = processesWith(owned, (owners) => owners.length > 1);
  return {
    uses: new Map(uses),
    foreign: blind.length === 0 ? unowned : [],
    unknownHolders: blind.length === 0 ? shared : [...shared, ...unowned],
  };
}

function ownersOf(placed: PlacedProcess, consumers: readonly LocalConsumer[]): readonly string[] {
  for (const pid of placed.lineage) {
    const listening = consumers.filter(({ listener }) => listener.state === 'found' && listener.pids.includes(pid));
    if (listening.length > 0) return listening.map((consumer) => consumer.name);
  }
  const inUnit = consumers.filter(({ unit }) => unit !== null && placed.cgroups.includes(unit));
  return inUnit.map((consumer) => consumer.name);
}

/** Whether the processes found for a consumer are all it has: none may hide behind its port or behind a lost pid. */
function isSettled(consumer: LocalConsumer, owned: readonly Owned[]): boolean {
  if (consumer.listener.state === 'closed') return true;
  if (owned.some(({ owners }) => owners.includes(consumer.name))) return true;
  return consumer.listener.state === 'found' && owned.every(({ placed, owners }) => owners.length > 0 || placed.lineage.length > 0);
}

/** MiB, or null: a process shares its memory with another consumer, or the driver does not say how much it has. */
function useMib(consumer: LocalConsumer, owned: readonly Owned[]): number | null {
  const own = owned.filter(({ owners }) => owners.includes(consumer.name));
  return own.reduce<number | null>((totalMib, { placed, owners }) => {
    const { usedMib } = placed.process;
    return totalMib === null || usedMib === null || owners.length > 1 ? null : totalMib + usedMib;
  }, 0);
}

function processesWith(owned: readonly Owned[], test: (owners: readonly string[]) => boolean): readonly GpuProcess[] {
  return owned.filter(({ owners }) => test(owners)).map(({ placed }) => placed.process);
}
