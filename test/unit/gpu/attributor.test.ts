import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Proc } from '../../../lib/gpu/proc.ts';
import { Attributor } from '../../../lib/gpu/processes.ts';

const CONSUMER = { name: 'tts', url: 'http://127.0.0.1:8766', systemd_unit: 'tts.service' };
let root: string;
let now: number;
let attributor: Attributor;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mgpu-proc-'));
  now = 0;
  attributor = new Attributor({ now: () => now, wall: () => new Date() }, new Proc(root));
  mkdirSync(join(root, 'net'));
  mkdirSync(join(root, 'self', 'ns'), { recursive: true });
  symlinkSync('pid:[4026531836]', join(root, 'self', 'ns', 'pid'));
  listen(1000);
});

afterEach(() => rmSync(root, { recursive: true }));

/** Port 8766 has a listening socket with these inodes. */
function listen(...inodes: readonly number[]): void {
  const rows = inodes.map((inode) => `   0: 0100007F:223E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0 100\n`);
  writeFileSync(join(root, 'net', 'tcp'), `  sl  local_address\n${rows.join('')}`);
}

interface FakeProcess {
  readonly ppid?: number;
  readonly comm?: string;
  readonly cgroup?: string;
  /** null: somebody else's process. */
  readonly sockets?: readonly number[] | null;
  readonly startTicks?: number;
}

function addProcess(pid: number, { ppid = 1, comm = 'python3', cgroup = '/', sockets = [], startTicks = 5 }: FakeProcess = {}): void {
  const folder = join(root, String(pid));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(join(folder, 'stat'), `${pid} (${comm}) S ${ppid} ${'0 '.repeat(17)}${startTicks} 0\n`);
  writeFileSync(join(folder, 'cgroup'), `0::${cgroup}\n`);
  if (sockets === null) return;
  mkdirSync(join(folder, 'fd'));
  sockets.forEach((inode, fd) => symlinkSync(`socket:[${inode}]`, join(folder, 'fd', String(fd))));
}

/** Use of the consumer, foreign pids, unknown pids, when these processes hold memory. */
async function attributed(...pids: readonly number[]): Promise<unknown> {
  const processes = pids.map((pid) => ({ pid, name: null, usedMib: 1000 }));
  const attribution = await attributor.attribution([CONSUMER], { processes, usedMib: 5000 });
  if (attribution === null) return null;
  const { uses, foreign, unknownHolders } = attribution;
  return [uses.get('tts'), foreign.map(({ pid }) => pid), unknownHolders.map(({ pid }) => pid)];
}

test('where there is no /proc nothing is attributed', async () => {
  attributor = new Attributor({ now: () => now, wall: () => new Date() }, new Proc('/nonexistent'));
  expect(await attributed(10)).toBeNull();
});

test('a grandchild of the listener is the consumer', async () => {
  addProcess(10, { sockets: [1000] });
  addProcess(11, { ppid: 10 });
  addProcess(12, { ppid: 11 });
  expect(await attributed(12)).toEqual([1000, [], []]);
});

test('a listener that belongs to somebody else cannot be found', async () => {
  addProcess(10, { sockets: null });
  addProcess(99);
  expect(await attributed(10, 99)).toEqual([null, [], [10, 99]]);
});

test('a listener that belongs to somebody else is found by its unit', async () => {
  addProcess(10, { sockets: null, cgroup: '/user.slice/app.slice/tts.service' });
  addProcess(99);
  expect(await attributed(10, 99)).toEqual([1000, [99], []]);
});

test('a service manager that holds the socket does not make everything below it the consumer', async () => {
  addProcess(1, { ppid: 0, comm: 'init', sockets: [1000] });
  addProcess(5, { comm: 'systemd', sockets: [1000] });
  addProcess(10, { ppid: 5, sockets: [1000] });
  addProcess(99, { ppid: 5 });
  addProcess(98, { ppid: 1 });
  expect(await attributed(10, 99, 98)).toEqual([1000, [99, 98], []]);
});

test('a process of another pid namespace may be the consumer', async () => {
  addProcess(10, { sockets: [1000] });
  expect(await attributed(4711)).toEqual([null, [], [4711]]);
});

describe('what was looked up', () => {
  test('is not kept for a process that has taken over the pid', async () => {
    addProcess(10, { sockets: [1000] });
    expect(await attributed(10)).toEqual([1000, [], []]);
    addProcess(10, { startTicks: 6 });
    addProcess(20, { sockets: [1000] });
    expect(await attributed(10)).toEqual([0, [10], []]);
  });

  test('is looked up again for a new socket of the same process', async () => {
    addProcess(10, { sockets: [7] });
    addProcess(20, { sockets: [1000] });
    expect(await attributed(10)).toEqual([0, [10], []]);
    addProcess(10, { sockets: [7, 1001] });
    listen(1001);
    expect(await attributed(10)).toEqual([1000, [], []]);
  });

  test('is tried again after 30 s when nobody was found', async () => {
    addProcess(99);
    expect(await attributed(99)).toEqual([null, [], [99]]);
    addProcess(10, { sockets: [1000] });
    now = 29_999;
    expect(await attributed(99)).toEqual([null, [], [99]]);
    now = 30_000;
    expect(await attributed(99)).toEqual([0, [99], []]);
  });
});

test('a circle of parents, as reused pids can show it, ends', async () => {
  addProcess(10, { ppid: 11 });
  addProcess(11, { ppid: 10 });
  addProcess(20, { sockets: [1000] });
  expect(await attributed(10)).toEqual([0, [10], []]);
});

test('in a container an empty list on a full card says nothing', async () => {
  addProcess(10, { sockets: [1000] });
  expect(await attributed()).toEqual([0, [], []]);
  rmSync(join(root, 'self', 'ns', 'pid'));
  symlinkSync('pid:[4026532000]', join(root, 'self', 'ns', 'pid'));
  expect(await attributed()).toBeNull();
});

test.each([
  [true, [null, [], [40]]],
  [false, [0, [40], []]],
])('a consumer on whose port no process of ours listens has unknown use if it answers all the same, as one in a container does: %p', async (isAnswering, expected) => {
  listen();
  addProcess(40);
  const attribution = await attributor.attribution([{ ...CONSUMER, isAnswering }], { processes: [{ pid: 40, name: null, usedMib: 1000 }], usedMib: 5000 });
  const pids = (processes: readonly { readonly pid: number }[] = []): number[] => processes.map(({ pid }) => pid);
  expect([attribution?.uses.get('tts'), pids(attribution?.foreign), pids(attribution?.unknownHolders)]).toEqual(expected);
});
