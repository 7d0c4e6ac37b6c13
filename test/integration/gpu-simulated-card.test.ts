import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';

const GPU_QUERY = '--query-gpu=index,uuid,name,memory.total,memory.used,memory.free';
const APPS_QUERY = '--query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory';
let card: FakeCard;

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376, name: 'Simulated card' });
});

afterEach(() => card.cleanup());

async function nvidiaSmi(query: string, device = '0'): Promise<string> {
  const args = ['-i', device, query, '--format=csv,noheader,nounits'];
  return (await promisify(execFile)('nvidia-smi', args, { env: card.env })).stdout;
}

test('an empty card is all free', async () => {
  expect(await nvidiaSmi(GPU_QUERY)).toBe(`0, ${card.uuid}, Simulated card, 16376, 0, 16376\n`);
  expect(await nvidiaSmi(APPS_QUERY)).toBe('');
});

test('what a process holds is used, and the process is listed', async () => {
  card.hold('/opt/my, server', 2800);
  expect(await nvidiaSmi(GPU_QUERY)).toBe(`0, ${card.uuid}, Simulated card, 16376, 2800, 13576\n`);
  expect(await nvidiaSmi(APPS_QUERY)).toBe(`${card.uuid}, ${process.pid}, /opt/my, server, 2800\n`);
  card.hold('/opt/my, server', 0);
  expect(await nvidiaSmi(APPS_QUERY)).toBe('');
});

test('a process that has died holds nothing', async () => {
  const child = spawn('sleep', ['1000']);
  await once(child, 'spawn');
  card.hold('game', 4000, child.pid);
  expect(card.memory.usedMib()).toBe(4000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(card.memory.usedMib()).toBe(0);
  expect(await nvidiaSmi(GPU_QUERY)).toContain(', 16376, 0, 16376\n');
});

test('an allocation adds to what the process has, and fails when it does not fit', () => {
  card.memory.allocate('model', 10_000);
  card.memory.allocate('model', 6000);
  expect(card.memory.freeMib()).toBe(376);
  expect(() => card.memory.allocate('model', 377)).toThrow('CUDA out of memory. Tried to allocate 377 MiB, of which 376 MiB are free.');
  expect(card.memory.usedMib()).toBe(16_000);
});

test('another card and another query are refused as nvidia-smi refuses them', async () => {
  await expect(nvidiaSmi(GPU_QUERY, '1')).rejects.toMatchObject({ code: 6, stdout: 'No devices were found\n' });
  await expect(nvidiaSmi('--query-gpu=fan.speed')).rejects.toMatchObject({ code: 2 });
});

test('a mode decides what nvidia-smi does, and can look at the query', async () => {
  card.setMode('case "$3" in *compute-apps*) echo broken; exit 9 ;; esac');
  await expect(nvidiaSmi(APPS_QUERY)).rejects.toMatchObject({ code: 9, stdout: 'broken\n' });
  expect(await nvidiaSmi(GPU_QUERY)).toContain('Simulated card');
  card.clearMode();
  expect(await nvidiaSmi(APPS_QUERY)).toBe('');
  expect(card.startedPids()).toHaveLength(3);
});

test('two cards have two uuids', () => {
  const other = fakeCard({ totalMib: 1 });
  other.cleanup();
  expect(other.uuid).not.toBe(card.uuid);
});
