import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Sampler, pollDelayMs } from '../../../lib/gpu/sampler.ts';
import { FakeLogger } from '../../support/fake-logger.ts';
import { FakeReader } from '../../support/fake-reader.ts';

const POLL_MS = 2000;
const clock = { now: () => performance.now(), wall: () => new Date() };
let reader: FakeReader;
let logger: FakeLogger;
let sampler: Sampler;

beforeEach(() => {
  jest.useFakeTimers();
  reader = new FakeReader(clock.now);
  logger = new FakeLogger();
  sampler = new Sampler({ reader, clock, logger, pollInterval: () => POLL_MS });
});

afterEach(async () => {
  await sampler.stop();
  jest.useRealTimers();
});

/** Lets the newest reading end and what follows from it happen. */
async function end(how: 'succeed' | 'fail'): Promise<void> {
  reader.newest[how]();
  await jest.advanceTimersByTimeAsync(0);
}

test('the first reading begins at the start, the next one poll interval after its end', async () => {
  sampler.start();
  expect(reader.begun).toHaveLength(1);
  await jest.advanceTimersByTimeAsync(POLL_MS * 10);
  expect(reader.begun).toHaveLength(1);
  await end('succeed');
  await jest.advanceTimersByTimeAsync(POLL_MS - 1);
  expect(reader.begun).toHaveLength(1);
  await jest.advanceTimersByTimeAsync(1);
  expect(reader.begun).toHaveLength(2);
});

test('a second start changes nothing', async () => {
  sampler.start();
  sampler.start();
  await end('succeed');
  await jest.advanceTimersByTimeAsync(POLL_MS);
  expect(reader.begun).toHaveLength(2);
});

test('failing readings come less and less often, a good one ends that', async () => {
  sampler.start();
  const delays = [];
  for (let attempt = 0; attempt < 6; attempt += 1) {
    await end('fail');
    const failedAt = clock.now();
    await jest.advanceTimersToNextTimerAsync();
    delays.push(reader.newest.startedAt - failedAt);
  }
  expect(delays).toEqual([4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  await end('succeed');
  await jest.advanceTimersByTimeAsync(POLL_MS);
  expect(reader.begun).toHaveLength(8);
});

test('the delay doubles up to 30 s, and never falls below the interval', () => {
  expect([0, 1, 2, 3, 4, 5000].map((failures) => pollDelayMs(2000, failures))).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect([0, 1, 9].map((failures) => pollDelayMs(60_000, failures))).toEqual([60_000, 60_000, 60_000]);
});

test('a line is logged once for each change, not for each reading', async () => {
  sampler.start();
  for (const how of ['succeed', 'succeed', 'fail', 'fail', 'fail', 'succeed', 'succeed'] as const) {
    await end(how);
    await jest.advanceTimersToNextTimerAsync();
  }
  expect(logger.lines.map(({ level, message, fields }) => [level, message, fields?.['error']])).toEqual([
    ['info', 'the GPU can be read', undefined],
    ['warn', 'the GPU cannot be read', 'no card'],
    ['info', 'the GPU can be read', undefined],
  ]);
});

test('the newest reading is shown, and the last good sample is kept through failures', async () => {
  sampler.start();
  expect(sampler.latest()).toBeNull();
  expect(sampler.lastSample()).toBeNull();
  await end('succeed');
  const good = sampler.lastSample();
  expect(sampler.latest()).toEqual({ ok: true, sample: good });
  await jest.advanceTimersByTimeAsync(POLL_MS);
  await end('fail');
  expect(sampler.latest()).toMatchObject({ ok: false, error: 'no card' });
  expect(sampler.lastSample()).toBe(good);
});

test('a sample older than 10 s is not presented as current', async () => {
  sampler.start();
  await end('succeed');
  await jest.advanceTimersByTimeAsync(10_000);
  expect(sampler.latest()).toMatchObject({ ok: true });
  await jest.advanceTimersByTimeAsync(1);
  expect(sampler.latest()).toMatchObject({ ok: false, error: 'the last sample is 10 s old' });
  expect(sampler.lastSample()).not.toBeNull();
});

test('with a slow poll three intervals pass before a sample is old', async () => {
  const slow = new Sampler({ reader, clock, logger, pollInterval: () => 20_000 });
  slow.start();
  await end('succeed');
  await jest.advanceTimersByTimeAsync(60_000);
  expect(slow.latest()).toMatchObject({ ok: true });
  await jest.advanceTimersByTimeAsync(1);
  expect(slow.latest()).toMatchObject({ ok: false });
  await slow.stop();
});

test('listeners hear of every sample until they leave, also when another one throws', async () => {
  const heard: number[] = [];
  sampler.onSample(() => {
    throw new Error('bad listener');
  });
  const leave = sampler.onSample((sample) => heard.push(sample.startedAt));
  sampler.start();
  await end('succeed');
  await jest.advanceTimersByTimeAsync(POLL_MS);
  await end('fail');
  await jest.advanceTimersToNextTimerAsync();
  await end('succeed');
  leave();
  await jest.advanceTimersByTimeAsync(POLL_MS);
  await end('succeed');
  expect(heard).toHaveLength(2);
  expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(3);
});

test('after the stop nothing is read, logged or changed', async () => {
  sampler.start();
  await end('succeed');
  await jest.advanceTimersByTimeAsync(POLL_MS);
  const before = [...logger.lines];
  await sampler.stop();
  await sampler.stop();
  sampler.start();
  await jest.advanceTimersByTimeAsync(POLL_MS * 100);
  expect(reader.begun).toHaveLength(2);
  expect(logger.lines).toEqual(before);
  expect(jest.getTimerCount()).toBe(0);
});

test('a reader that breaks its promise counts as failed, and polling goes on', async () => {
  reader.read = () => Promise.reject(new Error('bug'));
  sampler.start();
  await jest.advanceTimersByTimeAsync(0);
  expect(sampler.latest()).toMatchObject({ ok: false, error: 'Error: bug' });
  expect(jest.getTimerCount()).toBe(1);
});
