import { expect, test } from '@jest/globals';
import { tellReadings } from '../../lib/card-events.ts';
import { cardSampled } from '../../lib/core/card-events.ts';
import type { Attribution, Reading } from '../../lib/core/model.ts';
import { FakeWitness } from '../support/fake-witness.ts';
import { sampleOf } from '../support/fake-reader.ts';
import { ManualClock } from '../support/manual-clock.ts';

const GOOD: Reading = { ok: true, sample: sampleOf(0, 700) };
const BAD: Reading = { ok: false, startedAt: 0, error: 'no card' };

test('readings are told once a second at most, but the first failure and the first success after it at once', () => {
  const clock = new ManualClock();
  const events = new FakeWitness();
  let read: (reading: Reading) => void = () => undefined;
  tellReadings({ sampler: { onReading: (listener) => void (read = listener) }, registry: { everyone: () => [], use: () => null }, clock, events });
  const steps: readonly (readonly [number, Reading])[] = [[0, GOOD], [999, GOOD], [1, GOOD], [10, BAD], [10, BAD], [10, GOOD], [10, GOOD], [989, GOOD], [1, GOOD]];
  const told = steps.map(([passMs, reading]) => {
    clock.pass(passMs);
    const before = events.told.length;
    read(reading);
    return events.told.length - before;
  });
  expect(told).toEqual([1, 0, 1, 1, 0, 1, 0, 0, 1]);
  expect(events.of('sample').map(({ error, free_mib: freeMib }) => error ?? freeMib)).toEqual([700, 700, 'no card', 700, 700]);
});

test('a sample says who has what, and null where that is not known', () => {
  const sampled = (attribution: Attribution | null) => cardSampled({ ok: true, sample: { ...sampleOf(0, 6), totalMib: 10, usedMib: 4, attribution } }, new Map([['a', 2.4]]));
  const foreign = (...mib: readonly (number | null)[]): Attribution => ({ uses: new Map(), unknownHolders: [], foreign: mib.map((usedMib, pid) => ({ pid, name: null, usedMib })) });
  expect(sampled(foreign(1, 2))).toEqual({ type: 'sample', total_mib: 10, used_mib: 4, free_mib: 6, consumers: { a: 2 }, foreign_mib: 3, error: null });
  expect([null, foreign(), foreign(1, null)].map((each) => sampled(each).foreign_mib)).toEqual([null, 0, null]);
  expect(cardSampled(BAD, new Map([['a', 1]]))).toEqual({ type: 'sample', total_mib: null, used_mib: null, free_mib: null, consumers: {}, foreign_mib: null, error: 'no card' });
});
