import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fakeCard, isAlive } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { readerOf } from '../support/gpu-reader.ts';
import { until } from '../support/until.ts';

/** Short, so that a hang is soon given up; only readings that hang are measured against it. */
const LIMIT_MS = 100;
const SURVIVES_KILL = 'exec sleep 1000';
let card: FakeCard;

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
});

afterEach(() => card.cleanup());

describe('nvidia-smi that hangs is killed at its time limit', () => {
  test.each([
    ['it sleeps', 'exec sleep 1000'],
    ['it ignores SIGTERM', 'trap "" TERM INT HUP; sleep 1000; sleep 1000'],
    ['it spins', 'while :; do :; done'],
    ['it has said half of it', 'printf "0, GPU-"; exec sleep 1000'],
    ['it has said all of it', 'echo "0, GPU-5206045b-2a1c, x, 100, 0, 100"; exec sleep 1000'],
    ['it has closed its output', 'exec >&- 2>&-; exec sleep 1000'],
  ])('%s', async (_, mode) => {
    card.setMode(mode);
    const reader = readerOf(card, { limitMs: LIMIT_MS });
    expect(await reader.read()).toMatchObject({ ok: false, error: 'nvidia-smi did not answer within 0.1 s' });
    expect(card.startedPids().map(isAlive)).toEqual([false]);
  });
});

test('what nvidia-smi has started dies with it, also when it has ended itself', async () => {
  card.setMode(`sleep 1000 & echo $! >"$dir/child"; exit 0`);
  const reader = readerOf(card, { limitMs: LIMIT_MS });
  expect(await reader.read()).toMatchObject({ ok: false });
  const child = Number(readFileSync(join(card.dir, 'child'), 'utf8'));
  await until(() => !isAlive(child));
});

test('a hang of the second call leaves the sample without attribution', async () => {
  card.setMode('case "$3" in *compute-apps*) exec sleep 1000 ;; esac');
  const reader = readerOf(card, { limitMs: 1000, attribute: async () => ({ uses: new Map(), foreign: [], unknownHolders: [] }) });
  expect(await reader.read()).toMatchObject({ ok: true, sample: { freeMib: 16_376, attribution: null } });
});

test('a slow answer within the limit is an answer', async () => {
  card.setMode('sleep 0.2');
  expect(await readerOf(card).read()).toMatchObject({ ok: true });
});

describe('nvidia-smi that survives SIGKILL, as in D state', () => {
  let stuck: ChildProcess | null;

  beforeEach(() => {
    stuck = null;
    card.setMode(SURVIVES_KILL);
  });

  function stuckReader(): ReturnType<typeof readerOf> {
    return readerOf(card, { limitMs: LIMIT_MS, kill: (child) => void (stuck = child) });
  }

  test('is given up, and no second one is started until it is gone', async () => {
    const reader = stuckReader();
    expect(await reader.read()).toMatchObject({ ok: false, error: 'nvidia-smi did not answer within 0.1 s' });
    const [pid = 0] = card.startedPids();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await reader.read()).toMatchObject({ ok: false, error: `nvidia-smi (pid ${pid}) hangs and cannot be killed` });
    }
    expect(card.startedPids()).toEqual([pid]);
    expect(isAlive(pid)).toBe(true);

    const gone = new Promise((resolve) => stuck?.once('exit', resolve));
    card.clearMode();
    stuck?.kill('SIGKILL');
    await gone;
    expect(await reader.read()).toMatchObject({ ok: true });
  });

  test('does not hold up the stop', async () => {
    const reader = stuckReader();
    const reading = reader.read();
    await until(() => card.startedPids().length > 0);
    const before = performance.now();
    await reader.stop();
    expect(performance.now() - before).toBeLessThan(2000);
    expect(await reading).toMatchObject({ ok: false });
    stuck?.kill('SIGKILL');
  });
});
