import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from '@lydell/node-pty';
import type { IPty } from '@lydell/node-pty';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { STATUS } from '../support/seen-queue.ts';
import { BIN } from '../support/serve-process.ts';
import { until } from '../support/until.ts';

const built = existsSync('dist/lib/cli/names.js') ? describe : describe.skip;

let daemon: FakeDaemon;
let folder: string;
let shell: IPty;
let written: string;

beforeEach(async () => {
  daemon = new FakeDaemon();
  const url = await daemon.start();
  daemon.can('GET /v1/status', STATUS);
  folder = mkdtempSync(join(tmpdir(), 'mgpu-bash-'));
  writeFileSync(join(folder, 'mgpumanager'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  chmodSync(join(folder, 'mgpumanager'), 0o755);
  written = '';
  shell = spawn('bash', ['--norc', '--noprofile', '-i'], { cols: 200, env: { ...process.env, NODE_OPTIONS: '', PATH: `${folder}:${process.env['PATH'] ?? ''}`, MGPU_URL: url, PS1: 'ready> ' } });
  shell.onData((data) => (written += data));
  shell.write('source <(mgpumanager completion bash); echo "loaded"$?\r');
  await until(() => written.includes('loaded0'));
});
afterEach(async () => {
  shell.kill('SIGKILL');
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

built('TAB in bash', () => {
  test('completes a command behind a URL, which bash cuts at its colons', async () => {
    shell.write('mgpumanager --url http://h:1 vers\t');
    await until(() => written.includes('version '));
    expect(daemon.asked).toEqual([]);
  });

  test('completes the name of a consumer, for which it asks the daemon', async () => {
    shell.write('mgpumanager load com\t');
    await until(() => written.includes('load comfyui '));
    expect(daemon.asked.length).toBeGreaterThan(0);
  });
});
