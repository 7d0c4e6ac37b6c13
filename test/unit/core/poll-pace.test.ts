import { describe, expect, test } from '@jest/globals';
import { pollPauseMs } from '../../../lib/core/poll-pace.ts';

describe('a job is asked about', () => {
  test.each([
    ['often while it is young', 0, 10],
    ['so that a fiftieth of its time goes between two questions', 5000, 100],
    ['seldom when it takes long', 60_000, 250],
  ])('%s', (_how, ranMs, pauseMs) => {
    expect(pollPauseMs(ranMs)).toBe(pauseMs);
  });
});
