import type { CardSampled } from './events.ts';
import type { Attribution, Reading } from './model.ts';

/** What is told of a reading of the card. `uses`: MiB by consumer, as far as they are known. */
export function cardSampled(reading: Reading, uses: ReadonlyMap<string, number>): CardSampled {
  if (!reading.ok) return { type: 'sample', total_mib: null, used_mib: null, free_mib: null, consumers: {}, foreign_mib: null, error: reading.error };
  const { totalMib, usedMib, freeMib, attribution } = reading.sample;
  const consumers = Object.fromEntries([...uses].map(([name, mib]) => [name, Math.round(mib)]));
  return { type: 'sample', total_mib: totalMib, used_mib: usedMib, free_mib: freeMib, consumers, foreign_mib: foreignMib(attribution), error: null };
}

function foreignMib(attribution: Attribution | null): number | null {
  if (attribution === null) return null;
  let sum = 0;
  for (const { usedMib } of attribution.foreign) {
    if (usedMib === null) return null;
    sum += usedMib;
  }
  return sum;
}
