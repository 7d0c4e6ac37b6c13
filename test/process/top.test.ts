import { execFileSync } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cells } from '../../lib/cli/width.ts';
import { FakeStream } from '../support/event-stream.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { startPty } from '../support/pty.ts';
import type { PtyProcess } from '../support/pty.ts';
import { QUEUE, snapshotOf, STATUS, UNLOADED } from '../support/seen-queue.ts';
import { until } from '../support/until.ts';

// `npm test` builds first; a lone `jest` on a fresh checkout has nothing to start.
const built = existsSync('dist/lib/cli/top.js') ? describe : describe.skip;

let daemon: FakeDaemon;
let stream: FakeStream;
let url: string;
let started: PtyProcess[];

beforeEach(async () => {
  daemon = new FakeDaemon();
  url = await daemon.start();
  daemon.can('GET /v1/status', STATUS);
  daemon.can('GET /v1/queue', QUEUE);
  stream = new FakeStream(daemon, '/v1/events');
  started = [];
});
afterEach(async () => {
  for (const { pty, ended } of started) {
    pty.kill('SIGKILL');
    await ended;
  }
  await daemon.stop();
});

async function top(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<PtyProcess> {
  const process = startPty(['top', '--url', url, ...args], env);
  started.push(process);
  await until(() => process.picture()?.includes('q quit') === true);
  return process;
}

const live = async (process: PtyProcess): Promise<void> => {
  await stream.opened(1);
  stream.send('snapshot', snapshotOf('b'), 'b-3');
  await until(() => process.picture()?.includes('  live  ') === true);
};
const LEFT = '\u001b[?25h\u001b[?1049l';
/** What the kernel says of the terminal: with `icanon` and `echo` it is as a shell wants it. */
const modes = ({ pty }: PtyProcess): string => execFileSync('stty', ['-F', readlinkSync(`/proc/${pty.pid}/fd/0`), '-a'], { encoding: 'utf8' });

built('top in a terminal', () => {
  test('draws on the second screen, follows the events, and q leaves the terminal as it was', async () => {
    const process = await top();
    await live(process);
    expect(process.picture()).toContain('comfyui for ollama: freed 9.5 GiB');
    expect(modes(process)).toMatch(/ -icanon/);
    stream.send('unloaded', { ...UNLOADED, id: 4, consumer: 'mvoice' }, 'b-4');
    await until(() => process.picture()?.includes('mvoice for ollama') === true);
    daemon.can('GET /v1/queue', { ...QUEUE, running: [], waiting: [], waiting_total: 0 });
    stream.send('request_finished', { id: 5, type: 'request_finished' }, 'b-5');
    await until(() => process.picture()?.includes('RUNNING 0') === true);
    process.pty.write('q');
    expect((await process.ended).code).toBe(0);
    expect(process.written().endsWith(LEFT)).toBe(true);
  });

  test('p holds the picture and lets it go on; h shows the help', async () => {
    const process = await top();
    await live(process);
    process.pty.write('p');
    await until(() => process.picture()?.includes('HELD') === true);
    daemon.can('GET /v1/queue', { ...QUEUE, running: [], waiting: [], waiting_total: 0 });
    const before = daemon.asked.length;
    stream.send('request_finished', { id: 5, type: 'request_finished' }, 'b-5');
    await until(() => daemon.asked.length > before + 1);
    process.pty.write('h');
    await until(() => process.picture()?.includes('this help') === true);
    process.pty.write('h');
    await until(() => process.picture()?.includes('RUNNING 1') === true);
    process.pty.write('p');
    await until(() => process.picture()?.includes('RUNNING 0') === true);
    process.pty.write('\u0003');
    expect((await process.ended).code).toBe(130);
    expect(process.written().endsWith(LEFT)).toBe(true);
  });

  test('fits a terminal that becomes 80 × 24, and smaller', async () => {
    const process = await top();
    await live(process);
    for (const [width, height] of [[80, 24], [40, 10]] as const) {
      process.pty.resize(width, height);
      await until(() => process.picture()?.split('\n')[2]?.length === width);
      const lines = process.picture()?.split('\n') ?? [];
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(width);
    }
  });

  test.each([['SIGTERM', 143], ['SIGHUP', 129], ['SIGINT', 130]] as const)('%s leaves the terminal as it was and exits with %d', async (signal, code) => {
    const running = await top();
    process.kill(running.pty.pid, signal);
    expect((await running.ended).code).toBe(code);
    expect(running.written().endsWith(LEFT)).toBe(true);
  });

  test('shows that the daemon is gone, and that it is back', async () => {
    const process = await top();
    await live(process);
    const { port } = daemon;
    await daemon.stop();
    await until(() => process.picture()?.includes('NOT CONNECTED') === true);
    await daemon.start(port);
    await stream.opened(2);
    stream.send('snapshot', snapshotOf('c'), 'c-3');
    await until(() => process.picture()?.includes('  live  ') === true);
  });

  test('asks again and again where there are no events', async () => {
    daemon.replies.delete('GET /v1/events');
    const process = await top();
    daemon.can('GET /v1/queue', { ...QUEUE, running: [] });
    await until(() => process.picture()?.includes('RUNNING 0') === true);
    expect(process.picture()).toContain('polling');
  });

  test.each<[readonly string[], NodeJS.ProcessEnv]>([[['--ascii'], {}], [[], { LANG: 'C' }], [[], { TERM: 'dumb' }]])('has only ASCII with %j %j', async (args, env) => {
    const process = await top(args, env);
    expect(process.picture()).toMatch(/^[\x20-\x7e\n]+$/);
  });

  test('NO_COLOR has no colours, and a terminal has', async () => {
    expect((await top()).written()).toContain('\u001b[31m');
    expect((await top([], { NO_COLOR: '1' })).written()).not.toMatch(/\u001b\[\d*m/);
  });

  test('exits with 5 and leaves the screen alone where nobody answers', async () => {
    const process = startPty(['top', '--url', 'http://127.0.0.1:1']);
    started.push(process);
    expect((await process.ended).code).toBe(5);
    expect(process.written()).not.toContain('\u001b[?1049h');
    expect(process.written()).toContain('connection refused');
  });
});
