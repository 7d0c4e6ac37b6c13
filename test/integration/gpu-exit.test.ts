import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { fakeCard, isAlive } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { nodeProcess } from '../support/node-process.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { until } from '../support/until.ts';

const LIB = new URL('../../lib/', import.meta.url).href;
let card: FakeCard;
let daemon: NodeProcess | null;

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
  card.setMode('trap "" TERM; exec sleep 1000');
  daemon = null;
});

afterEach(async () => {
  await daemon?.kill();
  card.cleanup();
});

/** A process that samples a card that hangs, and does `then` once nvidia-smi runs. */
async function sampling(then: string): Promise<NodeProcess> {
  daemon = await nodeProcess(
    `
    import { readFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { systemClock as clock } from '${LIB}clock.ts';
    import { NvidiaSmi } from '${LIB}gpu/nvidia-smi.ts';
    import { Sampler } from '${LIB}gpu/sampler.ts';
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const reader = new NvidiaSmi({ device: 0, clock, attribute: async () => null, limitMs: 60_000 });
    const sampler = new Sampler({ reader, clock, logger, pollInterval: () => 10 });
    sampler.start();
    while (!readFileSync('${card.dir}/started', 'utf8').endsWith('\\n')) await sleep(5);
    ${then}
    `,
    card.env,
  );
  return daemon;
}

/** nvidia-smi was started, and dies. */
async function expectDeadChild(): Promise<void> {
  expect(card.startedPids()).toHaveLength(1);
  await until(() => !card.startedPids().some(isAlive));
}

test.each([
  ['has nothing else to do', '', 0],
  ['ends at once', 'process.exit(130);', 130],
  ['waits for the stop', 'await sampler.stop();', 0],
])('a process that %s takes a hanging nvidia-smi with it', async (_, then, code) => {
  const { exited } = await sampling(then);
  expect(await exited).toBe(code);
  await expectDeadChild();
});

test('the first reading is waited for although nothing else keeps the process alive', async () => {
  const { exited } = await sampling('await sampler.first(); process.exit(7);');
  expect(await exited).toBe(7);
  await expectDeadChild();
});
