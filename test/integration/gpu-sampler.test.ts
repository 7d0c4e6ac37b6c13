import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Sample } from '../../lib/core/model.ts';
import type { Sampler } from '../../lib/gpu/sampler.ts';
import { fakeCard, isAlive } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { readerOf, samplerOf } from '../support/gpu-reader.ts';
import { until } from '../support/until.ts';

let card: FakeCard;
let samplers: Sampler[];

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
  samplers = [];
});

afterEach(async () => {
  await Promise.all(samplers.map((sampler) => sampler.stop()));
  card.cleanup();
});

/** A started sampler of the card. */
function started(limitMs = 3000, pollMs = 10): ReturnType<typeof samplerOf> {
  const made = samplerOf(readerOf(card, { limitMs }), pollMs);
  samplers.push(made.sampler);
  made.sampler.start();
  return made;
}

function nextSample(sampler: Sampler): Promise<Sample> {
  return new Promise((resolve) => {
    const leave = sampler.onSample((sample) => {
      leave();
      resolve(sample);
    });
  });
}

test('samples follow the card', async () => {
  const { sampler } = started();
  await sampler.first();
  expect(sampler.lastSample()).toMatchObject({ freeMib: 16_376 });
  card.hold('game', 4000);
  await until(() => sampler.lastSample()?.freeMib === 12_376);
});

test('a fresh sample shows what was freed just before', async () => {
  const { sampler } = started(3000, 60_000);
  await sampler.first();
  for (const mib of [4000, 0, 2000, 0]) {
    card.hold('game', mib);
    expect(await sampler.fresh(performance.now())).toMatchObject({ freeMib: 16_376 - mib });
  }
});

test('many who ask for a fresh sample start at most two readings between them', async () => {
  card.setMode('');
  const { sampler } = started(3000, 60_000);
  const all = await Promise.all(Array.from({ length: 100 }, () => sampler.fresh(performance.now())));
  expect(new Set(all).size).toBe(1);
  expect(card.startedPids().length).toBeLessThanOrEqual(4);
});

test('two nvidia-smi never run at the same time', async () => {
  card.setMode('mkdir "$dir/running" || echo clash >>"$dir/clash"; trap \'rmdir "$dir/running"\' EXIT');
  const { sampler } = started(3000, 1);
  for (let round = 0; round < 20; round += 1) await Promise.all([sampler.fresh(performance.now()), sampler.fresh(performance.now())]);
  await sampler.stop();
  expect(card.startedPids().length).toBeGreaterThanOrEqual(20);
  expect(existsSync(join(card.dir, 'clash'))).toBe(false);
});

test('a card that is lost and comes back is noticed both times, with one line each', async () => {
  const { sampler, logger } = started();
  await sampler.first();
  card.setMode('echo "Unable to determine the device handle for GPU0: GPU is lost."; exit 15');
  await until(() => sampler.latest()?.ok === false);
  const error = 'nvidia-smi: Unable to determine the device handle for GPU0: GPU is lost. (exit 15)';
  expect(sampler.latest()).toMatchObject({ error });
  expect(sampler.lastSample()).toMatchObject({ freeMib: 16_376 });
  expect(await sampler.fresh(performance.now())).toBeNull();
  card.clearMode();
  await nextSample(sampler);
  expect(sampler.latest()).toMatchObject({ ok: true });
  expect(logger.lines.map(({ level, fields }) => [level, fields?.['error']])).toEqual([
    ['info', undefined],
    ['warn', error],
    ['info', undefined],
  ]);
});

test('while nvidia-smi hangs there is one child, a fresh sample is refused in a second, and the card is found again', async () => {
  card.setMode('exec sleep 1000');
  const { sampler } = started(400);
  await until(() => card.startedPids().length > 0);
  expect(card.startedPids().filter(isAlive)).toHaveLength(1);
  const before = performance.now();
  expect(await sampler.fresh(before)).toBeNull();
  expect(performance.now() - before).toBeLessThan(2000);
  expect(card.startedPids().filter(isAlive).length).toBeLessThanOrEqual(1);
  card.clearMode();
  await until(() => sampler.latest()?.ok === true);
});

test('no nvidia-smi is left after the stop', async () => {
  card.setMode('trap "" TERM; exec sleep 1000');
  const { sampler, logger } = started();
  await until(() => card.startedPids().length > 0);
  const waiting = sampler.fresh(performance.now());
  const before = performance.now();
  await sampler.stop();
  expect(performance.now() - before).toBeLessThan(1000);
  expect(card.startedPids().map(isAlive)).toEqual([false]);
  expect(await waiting).toBeNull();
  expect(logger.lines).toEqual([]);
});
