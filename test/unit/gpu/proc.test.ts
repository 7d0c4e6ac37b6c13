import { describe, expect, test } from '@jest/globals';
import { Proc, parseCgroups, parseSockets, parseStat } from '../../../lib/gpu/proc.ts';

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function row(local: string, state = '0A'): string {
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 626 1 00000000420befb8 100 0 0 10 0\n`;
}

describe('a listening socket is reachable on loopback', () => {
  test.each([
    ['0100007F:223E', true],
    ['0200007F:223E', true],
    ['00000000:223E', true],
    ['0501A8C0:223E', false],
    ['00000000000000000000000000000000:223E', true],
    ['00000000000000000000000001000000:223E', true],
    ['0000000000000000FFFF00000100007F:223E', true],
    ['B80D0120000000000000000001000000:223E', false],
    ['0000000000000000FFFF00000501A8C0:223E', false],
  ])('%s: %s', (local, onLoopback) => {
    expect(parseSockets(HEADER + row(local))).toEqual([{ port: 8766, onLoopback, inode: '626' }]);
  });
});

test('connections are no listeners', () => {
  expect(parseSockets(HEADER + row('0100007F:223E', '01') + row('0100007F:0050'))).toMatchObject([{ port: 80 }]);
});

test('an empty table has no sockets', () => {
  expect(parseSockets('')).toEqual([]);
});

describe('the stat of a process', () => {
  const rest = 'S 42 4078 2636 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 143739 3133440 358\n';

  test.each(['cat', 'a b', 'x) S 1 (y', ') (', ''])('is read with the name "%s"', (comm) => {
    expect(parseStat(`4083 (${comm}) ${rest}`)).toEqual({ comm, ppid: 42, startTicks: '143739' });
  });

  test('is null when it is something else', () => {
    expect(parseStat('garbage')).toBeNull();
  });
});

test('cgroup paths are cut into segments, of version 2 and of version 1', () => {
  expect(parseCgroups('0::/user.slice/app.slice/tts.service\n')).toEqual(['user.slice', 'app.slice', 'tts.service']);
  expect(parseCgroups('9:name=systemd:/system.slice/tts.service/a:b\n8:pids:/\n')).toEqual(['system.slice', 'tts.service', 'a:b']);
});

test('where there is no /proc everything is unknown', async () => {
  const proc = new Proc('/nonexistent');
  expect(await proc.listeningSockets()).toBeNull();
  expect(await proc.stat(1)).toBeNull();
  expect(await proc.socketInodes(1)).toBeNull();
  expect(await proc.pids()).toEqual([]);
  expect(await proc.inPidNamespace()).toBe(false);
});
