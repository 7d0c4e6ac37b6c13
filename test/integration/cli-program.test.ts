import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { FakeDaemon } from '../support/fake-daemon.ts';

const daemon = new FakeDaemon();
let url = '';
beforeAll(async () => {
  url = await daemon.start();
  const consumers = Array.from({ length: 3000 }, (_, index) => ({ name: `consumer-${index}`, healthy: false, last_error: 'HTTP 500' }));
  daemon.can('GET /v1/status', { gpu: {}, consumers, scheduler: {} });
});
afterAll(() => daemon.stop());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function start(command: string, args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, out, err };
}

const program = (...args: string[]): Promise<Ended> => start(process.execPath, ['bin/mgpumanager.js', ...args]);

// `npm test` builds first; a lone `jest` on a fresh checkout has nothing to start.
const built = existsSync('dist/lib/cli/main.js') ? describe : describe.skip;

built('the program', () => {
  test('exits with 0 for a good configuration', async () => {
    expect(await program('check')).toEqual({ code: 0, out: expect.stringContaining('config/consumers.yaml: fine'), err: '' });
  });

  test('exits with 2 for a wrong command line', async () => {
    expect(await program('chek')).toEqual({ code: 2, out: '', err: expect.stringContaining('Did you mean check?') });
  });

  test('exits with 3 for a configuration that is not there', async () => {
    expect(await program('check', '-c', 'none.yaml')).toMatchObject({ code: 3, out: expect.stringContaining('no such file') });
    expect(await program('serve', '-c', 'none.yaml')).toMatchObject({ code: 3, err: expect.stringContaining('no such file') });
  });

  test('exits with 5 for a daemon that is not there', async () => {
    expect(await program('status', '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 5, out: '' });
  });

  test('loses nothing of a long answer and exits with 6 for ill consumers', async () => {
    const { code, out } = await program('status', '--json', '--url', url);
    expect(code).toBe(6);
    expect(JSON.parse(out)).toMatchObject({ consumers: { length: 3000 } });
  });

  test('ends quietly when its reader has seen enough', async () => {
    const { out, err } = await start('sh', ['-c', `"${process.execPath}" bin/mgpumanager.js status --url ${url} | head -n 1`]);
    expect({ out, err }).toEqual({ out: 'GPU: unknown used of unknown, unknown free\n', err: '' });
  });
});

test('the program asks for a newer Node before anything else', () => {
  const [before] = readFileSync('bin/mgpumanager.js', 'utf8').split('if (isOld(process.versions.node))');
  expect(before).not.toMatch(/^\s*await |\bconst |=>|\?\.|\?\?/m);
});
