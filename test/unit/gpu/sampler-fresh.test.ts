import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Sampler } from '../../../lib/gpu/sampler.ts';
import { FakeLogger } from '../../support/fake-logger.ts';
import { FakeReader } from '../../support/fake-reader.ts';

const POLL_MS = 2000;
const clock = { now: () => performance.now(), wall: () => new Date() };
let reader: FakeReader;
let sampler: Sampler;

beforeEach(() => {
  jest.useFakeTimers();
  reader = new FakeReader(clock.now);
  sampler = new Sampler({ reader, clock, logger: new FakeLogger(), pollInterval: () => POLL_MS });
});

afterEach(async () => {
  await sampler.stop();
  jest.useRealTimers();
});

function pass(ms: number): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms);
}

/** A started sampler that has one sample, taken `ageMs` ago. */
async function sampled(ageMs: number): Promise<void> {
  sampler.start();
  reader.newest.succeed(1);
  await pass(ageMs);
}

test('a sample that began late enough is returned without a reading', async () => {
  await sampled(100);
  expect(await sampler.fresh(reader.newest.startedAt)).toMatchObject({ freeMib: 1 });
  expect(reader.begun).toHaveLength(1);
});

test('one that began too early makes a reading begin at once', async () => {
  await sampled(100);
  const fresh = sampler.fresh(clock.now());
  expect(reader.begun).toHaveLength(2);
  reader.newest.succeed(2);
  expect(await fresh).toMatchObject({ freeMib: 2 });
});

test('everybody who asks meanwhile shares that reading', async () => {
  await sampled(100);
  const all = Array.from({ length: 50 }, () => sampler.fresh(clock.now()));
  reader.newest.succeed(2);
  expect(new Set(await Promise.all(all)).size).toBe(1);
  expect(reader.begun).toHaveLength(2);
});

test('a reading that began too early is waited for, then one more begins, for everybody', async () => {
  sampler.start();
  await pass(100);
  const all = Array.from({ length: 50 }, () => sampler.fresh(clock.now()));
  await pass(50);
  all.push(sampler.fresh(clock.now()));
  expect(reader.begun).toHaveLength(1);
  reader.newest.succeed(1);
  await pass(0);
  expect(reader.begun).toHaveLength(2);
  reader.newest.succeed(2);
  expect((await Promise.all(all)).map((sample) => sample?.freeMib)).toEqual(Array.from({ length: 51 }, () => 2));
  expect(reader.peakUnderWay).toBe(1);
});

test('a reading that a listener asks for just then is shared too', async () => {
  let asked: Promise<unknown> | null = null;
  sampler.onSample(() => (asked ??= sampler.fresh(clock.now() + 1)));
  sampler.start();
  await pass(100);
  const fresh = sampler.fresh(clock.now());
  reader.newest.succeed(1);
  await pass(0);
  expect(reader.begun).toHaveLength(2);
  reader.newest.succeed(2);
  expect(await fresh).toMatchObject({ freeMib: 2 });
  await asked;
  expect(reader.peakUnderWay).toBe(1);
});

test('a failure of the reading that began too early does not matter', async () => {
  sampler.start();
  await pass(100);
  const fresh = sampler.fresh(clock.now());
  reader.newest.fail();
  await pass(0);
  reader.newest.succeed(2);
  expect(await fresh).toMatchObject({ freeMib: 2 });
});

test('there is none when the reading fails', async () => {
  await sampled(100);
  const fresh = sampler.fresh(clock.now());
  reader.newest.fail();
  expect(await fresh).toBeNull();
});

test('there is none after 1 s, and the reading goes on for the others', async () => {
  await sampled(100);
  const fresh = sampler.fresh(clock.now());
  await pass(1000);
  expect(await fresh).toBeNull();
  const later = sampler.fresh(reader.newest.startedAt);
  reader.newest.succeed(2);
  expect(await later).toMatchObject({ freeMib: 2 });
  expect(reader.begun).toHaveLength(2);
});

test('an old sample will not do, even for an older question', async () => {
  await sampled(0);
  await pass(POLL_MS);
  await pass(8001);
  const fresh = sampler.fresh(0);
  reader.newest.succeed(2);
  expect(await fresh).toMatchObject({ freeMib: 2 });
});

test('a moment that has not come yet has no sample', async () => {
  await sampled(100);
  const fresh = sampler.fresh(clock.now() + 5000);
  reader.newest.succeed(2);
  expect(await fresh).toBeNull();
});

test('a reading on request takes the place of the next poll', async () => {
  await sampled(POLL_MS - 1);
  const fresh = sampler.fresh(clock.now());
  reader.newest.succeed(2);
  await fresh;
  await pass(POLL_MS - 1);
  expect(reader.begun).toHaveLength(2);
  await pass(1);
  expect(reader.begun).toHaveLength(3);
});

test('who waits when the sampler stops is told that there is none', async () => {
  sampler.start();
  await pass(100);
  const fresh = sampler.fresh(clock.now());
  await sampler.stop();
  expect(await fresh).toBeNull();
  expect(await sampler.fresh(clock.now())).toBeNull();
  expect(reader.begun).toHaveLength(1);
});

test('the first reading is waited for, well or not', async () => {
  for (const how of ['succeed', 'fail'] as const) {
    const other = new Sampler({ reader, clock, logger: new FakeLogger(), pollInterval: () => POLL_MS });
    other.start();
    const first = other.first();
    reader.newest[how]();
    await first;
    expect(other.latest()).not.toBeNull();
    await other.first();
    await other.stop();
  }
});

test('the first reading is waited for at most until 2 s after the start', async () => {
  let told = false;
  sampler.start();
  await pass(1500);
  const first = sampler.first().then(() => (told = true));
  await pass(499);
  expect(told).toBe(false);
  await pass(1);
  await first;
  await sampler.first();
  expect(sampler.latest()).toBeNull();
});
