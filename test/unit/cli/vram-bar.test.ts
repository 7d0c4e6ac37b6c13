import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readStatus } from '../../../lib/cli/status-document.ts';
import { cellShares, memoryBar, memoryLegend, memoryParts } from '../../../lib/cli/vram-bar.ts';
import { cells } from '../../../lib/cli/width.ts';
import { STATUS } from '../../support/seen-queue.ts';

const plain = { ascii: true, paint: (_style: string, text: string) => text };
const partsOf = (body: unknown) => {
  const status = readStatus(body);
  if (status === null) throw new Error('not a status');
  return memoryParts(status);
};

describe('the parts of the memory', () => {
  test('are the consumers, the largest first, then what others have, and what is free', () => {
    expect(partsOf(STATUS).map(({ name, mib }) => [name, mib])).toEqual([['ollama', 10_035], ['mvoice', 2800], ['foreign', 400], ['other', 100], ['free', 3041]]);
  });

  test('are none where the card was not read', () => {
    expect(partsOf({ ...STATUS, gpu: { err: 'lost' } })).toEqual([]);
  });
});

test('the bar is as wide as it is to be, and its parts are as long as they are large', () => {
  const bar = memoryBar(partsOf(STATUS), { ...plain, width: 80 });
  expect(bar).toMatch(/^\[#{49}={13}\+%\.{14}\]$/);
  expect(memoryLegend(partsOf(STATUS), { ...plain, width: 80 })).toEqual(['# ollama 9.8 GiB  = mvoice 2.7 GiB  + foreign 400 MiB  % other 100 MiB', '. free 3.0 GiB']);
});

test('the shares fill the room exactly, and whatever is there is seen as long as there is a cell for each', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80_000 }), { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 300 }), (parts, room) => {
      const shares = cellShares(parts, room);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(room);
      expect(Math.min(...shares)).toBeGreaterThanOrEqual(room >= parts.length ? 1 : 0);
    }),
  );
});

test('a legend never is wider than it may be', () => {
  const parts = ['日本語のモデル', 'a', 'b'.repeat(60)].map((name) => ({ name, mib: 2048, isFree: false }));
  for (const width of [20, 40, 80]) for (const line of memoryLegend(parts, { ...plain, width })) expect(cells(line)).toBeLessThanOrEqual(width);
});
