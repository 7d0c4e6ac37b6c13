import type { PlannedConsumer, Snapshot } from '../../lib/core/snapshot.ts';

/** What a consumer of a test differs in from one that is resident, idle, may be unloaded and needs 1000 MiB. */
export type Planned = Partial<PlannedConsumer> & { readonly name: string };

export function planned(differences: Planned): PlannedConsumer {
  return {
    footprintMib: 1000,
    residualMib: 0,
    usedMib: null,
    shownMib: null,
    residency: 'resident',
    busy: false,
    vramManaged: false,
    hasUnload: true,
    coexistsWith: [],
    lastUsedAt: null,
    promised: false,
    ...differences,
  };
}

/** An absent consumer, which is to be admitted. */
export function absent(differences: Planned): PlannedConsumer {
  return planned({ residency: 'absent', ...differences });
}

/** A card of 10000 MiB without reserve and cushion, so that sums are easy to follow. */
export function snapshotOf(consumers: readonly PlannedConsumer[], differences: Partial<Snapshot> = {}): Snapshot {
  return {
    now: 1_000_000,
    freeMib: 10_000,
    totalMib: 10_000,
    reservedMib: 0,
    cushionMib: 0,
    consumers,
    foreign: [],
    unknownHolders: [],
    ...differences,
  };
}
