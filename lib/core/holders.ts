import type { GpuProcess } from './model.ts';
import { heldMib } from './snapshot.ts';
import type { PlannedConsumer, Snapshot } from './snapshot.ts';

/** Who has memory of the card. `mib` null: not known. */
export type Holder =
  | { readonly consumer: string; readonly mib: number }
  | {
      readonly pid: number;
      readonly name: string | null;
      readonly mib: number | null;
      /** false: it may belong to a consumer that could not be attributed. */
      readonly foreign: boolean;
    };

/** All who hold memory, the largest first. `asking` is whom it is wanted for: what it will take it does not hold yet. */
export function holdersOf(snapshot: Snapshot, asking: string): Holder[] {
  const others = snapshot.consumers.filter((consumer) => consumer.name !== asking || (consumer.usedMib ?? 0) > 0);
  const consumers = others.filter(holdsMemory).map((consumer) => ({ consumer: consumer.name, mib: Math.round(heldMib(consumer)) }));
  const processes = [
    ...snapshot.foreign.map((process) => asHolder(process, true)),
    ...snapshot.unknownHolders.map((process) => asHolder(process, false)),
  ];
  return [...consumers, ...processes].toSorted((a, b) => (b.mib ?? 0) - (a.mib ?? 0));
}

function holdsMemory(consumer: PlannedConsumer): boolean {
  return heldMib(consumer) > 0 && (consumer.residency !== 'absent' || consumer.usedMib !== null || consumer.busy);
}

function asHolder(process: GpuProcess, foreign: boolean): Holder {
  return { pid: process.pid, name: process.name, mib: process.usedMib, foreign };
}
