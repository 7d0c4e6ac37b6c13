import type { FakeCard } from './fake-card.ts';
import type { FakeMemory } from './fake-residency.ts';

/** Memory of a simulated card for several fakes in this one process, which the card can only see as a whole. */
export function cardShares(card: FakeCard): (name: string) => FakeMemory {
  const held = new Map<string, number>();
  return (name) => ({
    hold: (mib) => {
      held.set(name, mib);
      card.hold('fakes', [...held.values()].reduce((sum, each) => sum + each, 0));
    },
  });
}
