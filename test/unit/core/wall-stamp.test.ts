import { expect, test } from '@jest/globals';
import { WallStamp } from '../../../lib/core/wall-stamp.ts';

test('each time is written out as itself, also after another one', () => {
  const stamp = new WallStamp();
  const times = ['2026-11-21T12:00:00.000Z', '2026-11-21T12:00:00.000Z', '2026-11-21T12:00:00.001Z', '2026-11-21T11:59:59.999Z'];
  expect(times.map((time) => stamp.of(new Date(time)))).toEqual(times);
});
