import type { GpuProcess, Residency } from './model.ts';

/** One consumer as the planner sees it. Memory in MiB, times monotonic in ms. */
export interface PlannedConsumer {
  readonly name: string;
  /** Declared need, else the most that was measured; null: neither is known. */
  readonly footprintMib: number | null;
  /** What stays after an unload. */
  readonly residualMib: number;
  /** Measured use; null: not measured since our last load, unload or job. */
  readonly usedMib: number | null;
  /** Its use in the sample that the free memory is from, however old that is; null: not measured. */
  readonly shownMib: number | null;
  readonly residency: Residency;
  /** Between admission and release, in the middle of a hook, or at work for others than us. */
  readonly busy: boolean;
  readonly vramManaged: boolean;
  readonly hasUnload: boolean;
  readonly coexistsWith: readonly string[];
  /** End of its last finished GPU work; null: never used. */
  readonly lastUsedAt: number | null;
  /** Loaded or let in, and no sample has shown its memory yet. */
  readonly promised: boolean;
}

/** Everything a plan depends on, at one moment. */
export interface Snapshot {
  readonly now: number;
  /** null: the card cannot be read. */
  readonly freeMib: number | null;
  /** null: neither read nor configured. */
  readonly totalMib: number | null;
  readonly reservedMib: number;
  readonly cushionMib: number;
  readonly consumers: readonly PlannedConsumer[];
  /** Processes of nobody we know. */
  readonly foreign: readonly GpuProcess[];
  /** Processes that may belong to a consumer that could not be attributed. */
  readonly unknownHolders: readonly GpuProcess[];
}

/** Memory that a consumer will still take, though no sample shows it yet. MiB. */
export function promiseMib(consumer: PlannedConsumer): number {
  return consumer.promised ? Math.max(0, (consumer.footprintMib ?? 0) - (takenMib(consumer) ?? 0)) : 0;
}

/** Memory that is taken or spoken for because of a consumer. MiB. */
export function heldMib(consumer: PlannedConsumer): number {
  return (takenMib(consumer) ?? (consumer.promised ? 0 : (consumer.footprintMib ?? 0))) + promiseMib(consumer);
}

/** Memory that is not free because of a consumer. A sample that is older than the end of its job counts: its free memory is as old. */
function takenMib({ usedMib, shownMib }: PlannedConsumer): number | null {
  return usedMib ?? shownMib;
}

/** Memory that an unload is expected to free. MiB. */
export function freeableMib(consumer: PlannedConsumer): number {
  return Math.max(0, heldMib(consumer) - consumer.residualMib);
}
