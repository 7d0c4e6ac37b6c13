import { describe, expect, test } from '@jest/globals';
import { planFor } from '../../../lib/core/plan.ts';
import type { PlannedConsumer, Snapshot } from '../../../lib/core/snapshot.ts';
import { absent, planned, snapshotOf } from '../../support/snapshots.ts';

const TARGET = absent({ name: 'tts', footprintMib: 2800 });

function reasonAmong(others: readonly PlannedConsumer[], card: Partial<Snapshot>, target: PlannedConsumer = TARGET): string {
  return planFor('tts', snapshotOf([target, ...others], { cushionMib: 256, ...card })).reason;
}

describe('the reason of a plan says', () => {
  test('that nothing is needed', () => {
    expect(reasonAmong([], {}, planned({ name: 'tts' }))).toBe('tts needs no further memory');
  });

  test('what is needed and what there is', () => {
    expect(reasonAmong([], { freeMib: 9000 })).toBe('tts needs 3056 MiB with its cushion and 9000 MiB can be had');
  });

  test('that the card could not be read', () => {
    expect(reasonAmong([], { freeMib: null })).toBe(
      'tts needs 3056 MiB with its cushion and 10000 MiB can be had by the declared footprints, as the card cannot be read',
    );
  });

  test('whom it unloads, and when they were last used', () => {
    const others = [planned({ name: 'image', usedMib: 2500, lastUsedAt: 958_000 }), planned({ name: 'llm', usedMib: 500.4 })];
    expect(reasonAmong(others, { freeMib: 100 })).toBe(
      'tts needs 3056 MiB with its cushion and 100 MiB can be had: llm (500 MiB, not used yet) and image (2500 MiB, last used 42 s ago) will be unloaded',
    );
  });

  test('for whose work it waits', () => {
    const others = [planned({ name: 'image', usedMib: 2000, busy: true }), planned({ name: 'llm', usedMib: 2000, busy: true })];
    expect(reasonAmong(others, { freeMib: 0 })).toBe(
      'tts needs 3056 MiB with its cushion and 0 MiB can be had: it waits for the running work of image and llm',
    );
  });

  test('that the card is too small', () => {
    expect(reasonAmong([], { freeMib: 2000, totalMib: 3000 })).toBe('tts needs 3056 MiB with its cushion and 2000 MiB can be had: this card is too small for it');
  });

  test('who has the memory that cannot be had', () => {
    const foreign = [{ pid: 4242, name: 'game', usedMib: 6000 }];
    const unknownHolders = [{ pid: 7, name: null, usedMib: null }];
    expect(reasonAmong([planned({ name: 'llm', usedMib: 3000, vramManaged: true })], { freeMib: 1000, foreign, unknownHolders })).toBe(
      'tts needs 3056 MiB with its cushion and 1000 MiB can be had: nothing more can be unloaded ' +
        '(foreign process game pid 4242: 6000 MiB; llm: 3000 MiB; unknown process pid 7: unknown)',
    );
  });

  test('that nobody is known to have it', () => {
    expect(reasonAmong([], { freeMib: 1000 })).toMatch(/nothing more can be unloaded \(no holder is known\)$/);
  });

  test('no less than nothing where promises exceed what is free', () => {
    expect(reasonAmong([planned({ name: 'llm', promised: true, hasUnload: false })], { freeMib: 100 })).toMatch(/ and 0 MiB can be had/);
  });
});
