import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../lib/config/load.ts';
import { forkDemo } from '../support/demo-server.ts';
import type { DemoProcess } from '../support/demo-server.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { request } from '../support/http.ts';
import { startPty } from '../support/pty.ts';
import { BIN, ServeProcess } from '../support/serve-process.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const built = existsSync('dist/lib/cli/doctor.js') ? describe : describe.skip;
const NAMES = ['mvoice', 'whisper', 'ollama', 'comfyui', 'vllm', 'llama-server', 'llama-router'] as const;

let card: FakeCard;
let folder: string;
let demos: Map<string, DemoProcess>;
let daemons: ServeProcess[];

beforeAll(async () => {
  card = fakeCard({ totalMib: 90_000 });
  demos = new Map(await Promise.all(NAMES.map(async (name) => [name, await forkDemo(name, card)] as const)));
});
afterAll(async () => {
  for (const demo of demos.values()) await demo.stop();
  card.cleanup();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-setup-'));
  daemons = [];
});
afterEach(async () => {
  for (const daemon of daemons) await daemon.cleanup();
  card.clearMode();
  rmSync(folder, { recursive: true, force: true });
});

const urlOf = (name: (typeof NAMES)[number]): string => demos.get(name)?.url ?? '';
const at = (): string[] => NAMES.flatMap((name) => ['--at', urlOf(name)]);

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function endedIn(error: unknown): Ended {
  const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
  return { code, out: stdout, err: stderr };
}

async function program(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const options = { env: { ...process.env, ...card.env, NODE_OPTIONS: '', PM2_HOME: folder, NO_COLOR: '1', MGPU_URL: '', ...env } };
  return run(process.execPath, [BIN, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: unknown) => endedIn(error),
  );
}

/** A configuration with what the test needs of the simulated servers. */
function write(settings: Record<string, unknown>): string {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', ...settings }));
  return file;
}

async function serve(settings: Record<string, unknown>): Promise<ServeProcess> {
  const daemon = new ServeProcess({ config: { listen: '127.0.0.1:0', ...settings }, env: card.env });
  daemons.push(daemon);
  await daemon.ready();
  return daemon;
}

interface Check {
  readonly check: string;
  readonly result: string;
  readonly message: string;
  readonly fix: string | null;
}

async function doctor(file: string, ...args: readonly string[]): Promise<{ code: number; checks: readonly Check[]; of: (check: string) => Check[] }> {
  const { code, out, err } = await program(['doctor', '-c', file, '--json', ...args]);
  if (out === '') throw new Error(err);
  const { checks }: { checks: Check[] } = JSON.parse(out);
  return { code, checks, of: (check) => checks.filter((each) => each.check === check) };
}

built('init', () => {
  test('knows servers by what they answer, at whatever port, and writes what check takes', async () => {
    const file = join(folder, 'new', 'my.yaml');
    const { code, out } = await program(['init', '--file', file, '--json', ...at().map((word) => word.replace(/^http:\/\//, ''))]);
    expect(code).toBe(0);
    const found: { preset: string; url: string }[] = JSON.parse(out).found;
    const presetAt = new Map(found.map(({ preset, url }) => [url, preset]));
    expect(NAMES.map((name) => presetAt.get(urlOf(name)))).toEqual(['mvoice', 'whisper.cpp', 'ollama', 'comfyui', 'vllm', 'llama.cpp', 'llama.cpp-router']);
    expect(loadConfig(file, {})).toMatchObject({ ok: true });
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('    # systemd_unit: NAME.service');
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.?\/.*schemas\/config\.schema\.json$/m);
    expect((await program(['check', '-c', file])).code).toBe(0);
  });

  test('in a terminal shows what it found and what is next', async () => {
    const file = join(folder, 'my.yaml');
    const { ended, written } = startPty(['init', '--file', file, ...at()], card.env);
    expect((await ended).code).toBe(0);
    expect(written()).toMatch(/^FOUND +AT/m);
    expect(written()).toContain(`mgpumanager doctor -c ${file}`);
  });

  test('never replaces a file unless it is told to, and then as a whole', async () => {
    const file = write({});
    const before = readFileSync(file, 'utf8');
    expect(await program(['init', '--file', file, ...at()])).toMatchObject({ code: 1, out: '', err: expect.stringContaining('is there already') });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect((await program(['init', '--file', file, '--force', ...at()])).code).toBe(0);
    expect(loadConfig(file, {})).toMatchObject({ ok: true });
  });

  test('takes nothing else for a server, and not the daemon that stands in for one', async () => {
    const daemon = await serve({ consumers: { ollama: { preset: 'ollama', url: urlOf('ollama'), listen: '127.0.0.1:0' } } });
    const status: { consumers: { listen: string }[] } = JSON.parse((await request({ url: `${await daemon.url()}/v1/status` })).body);
    const deaf = createServer(() => undefined);
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const address = deaf.address();
    const deafAt = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    const file = join(folder, 'my.yaml');
    const own = status.consumers[0]?.listen ?? '';
    const { out } = await program(['init', '--file', file, '--json', '--at', own, await daemon.url(), deafAt, urlOf('ollama')]);
    const { found }: { found: { url: string }[] } = JSON.parse(out);
    const urls = found.map(({ url }) => url);
    expect(urls).toContain(urlOf('ollama'));
    for (const each of [own, deafAt, new URL(await daemon.url()).host]) expect(urls).not.toContain(`http://${each}`);
    deaf.close();
  });
});

built('doctor', () => {
  const consumers = () => ({ mvoice: { preset: 'mvoice', url: urlOf('mvoice') }, comfyui: { preset: 'comfyui', url: urlOf('comfyui') } });

  test('finds all in order, and exits with 0', async () => {
    const { code, checks, of } = await doctor(write({ consumers: consumers() }));
    expect(checks.filter(({ result }) => result === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(of('config')[0]?.message).toContain('is valid');
    expect(of('nvidia-smi')).toMatchObject([{ result: 'ok', message: expect.stringContaining('Simulated RTX') }]);
    expect(of('mvoice')[0]?.message).toMatch(/^healthy at .* \(preset mvoice\), holds 2800 MiB$/);
    expect(of('port')).toMatchObject([{ result: 'ok' }]);
    expect(of('pm2')).toMatchObject([{ result: 'ok', message: 'PM2 does not run here' }]);
  });

  test('has only its own ASCII on a terminal without UTF-8', async () => {
    const { ended, written } = startPty(['doctor', '-c', join(folder, 'none.yaml'), '--url', 'http://127.0.0.1:1'], { ...card.env, LANG: 'C' });
    expect((await ended).code).toBe(1);
    expect(written()).toContain('-> `mgpumanager init` writes one');
    expect(written()).not.toContain('→');
  });

  test('says what to do about each thing that is wrong, and exits with 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const listen = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    card.setMode("echo 'No devices were found'; exit 6");
    const ill = { bad: { url: 'http://127.0.0.1:1', unload: { command: ['/nowhere/stop'] } }, plain: { url: urlOf('whisper'), health: { path: '/health' } }, unit: { url: 'http://127.0.0.1:1', load: { command: ['true'] }, unload: { command: ['true'] } } };
    const { code, checks, of } = await doctor(write({ listen, consumers: ill }), '--url', 'http://127.0.0.1:1');
    taken.close();
    expect(code).toBe(1);
    expect(of('port')).toMatchObject([{ result: 'fail', message: expect.stringContaining('EADDRINUSE') }]);
    expect(of('nvidia-smi')).toMatchObject([{ result: 'warn', message: expect.stringContaining('No devices were found') }]);
    expect(of('bad').map(({ result }) => result)).toEqual(['fail', 'fail']);
    expect(of('bad')[1]?.message).toContain('/nowhere/stop');
    expect(of('plain')).toMatchObject([{ result: 'ok' }, { result: 'warn', message: expect.stringContaining('nothing that unloads it') }]);
    expect(of('unit')[0]).toMatchObject({ result: 'ok', message: expect.stringContaining('the daemon starts it') });
    for (const { result, fix } of checks) expect(fix === null).toBe(result === 'ok');
  });

  test('of a configuration that is not valid says where, and looks at the rest that it can', async () => {
    const { code, of } = await doctor(write({ consumers: { a: { ulr: 'x' } } }), '--url', 'http://127.0.0.1:1');
    expect(code).toBe(1);
    expect(of('config')).toContainEqual(expect.objectContaining({ result: 'fail', message: expect.stringContaining('did you mean "url"?') }));
    expect(of('daemon')).toHaveLength(1);
  });

  test('tells that the daemon runs, and that something else has its port', async () => {
    const daemon = await serve({ consumers: consumers() });
    expect((await doctor(write({ consumers: consumers() }), '--url', await daemon.url())).of('daemon')).toMatchObject([{ result: 'ok', message: expect.stringContaining('answers at') }]);
    await daemon.cleanup();
    const stranger = await doctor(write({ consumers: consumers() }), '--url', urlOf('comfyui'));
    expect(stranger.of('daemon')).toMatchObject([{ result: 'fail', fix: expect.stringContaining('ss -ltnp') }]);
    expect(stranger.code).toBe(1);
  });

  test('tries the hooks only when that is meant', async () => {
    const file = write({ consumers: consumers() });
    expect(await program(['doctor', '-c', file, '--try-hooks'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--yes') });
    const asked = startPty(['doctor', '-c', file, '--try-hooks'], { ...card.env, PM2_HOME: folder });
    await until(() => asked.written().includes('Go on? [y/N]'));
    asked.pty.write('n\r');
    expect((await asked.ended).code).toBe(2);
    expect(JSON.parse((await request({ url: `${urlOf('mvoice')}/api/health` })).body).loaded).toBe(true);
  });

  test('tries the hooks by itself where no daemon runs', async () => {
    const { code, of } = await doctor(write({ consumers: consumers() }), '--try-hooks', '--yes');
    expect(of('mvoice').slice(2).map(({ message }) => message.replace(/took .*/, 'took'))).toEqual(['unload took', 'load took']);
    expect(of('comfyui').slice(2)).toMatchObject([{ result: 'ok' }]);
    expect(code).toBe(0);
  });

  test('tries them through the daemon where one runs, and says which does not work', async () => {
    const broken = { ...consumers(), bad: { url: urlOf('whisper'), health: { path: '/health' }, load: { command: ['true'] }, unload: { path: '/nothing' } } };
    const daemon = await serve({ consumers: broken });
    const { code, of } = await doctor(write({ consumers: broken }), '--url', await daemon.url(), '--try-hooks', '--yes');
    expect(of('mvoice').slice(2)).toMatchObject([{ result: 'ok' }, { result: 'ok' }]);
    expect(of('bad')[2]).toMatchObject({ result: 'fail', message: expect.stringMatching(/^unload failed/), fix: expect.stringContaining('POST /nothing') });
    expect(code).toBe(1);
    // The daemon did it, and not the command.
    await daemon.line(({ message, consumer }) => message === 'unloaded' && consumer === 'mvoice');
  });

  test('looks at the time that PM2 gives to a shutdown', async () => {
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'pm2.pid'), String(process.pid));
    const tell = (killMs: number): void => {
      const list = JSON.stringify([{ pm2_env: { pm_exec_path: '/srv/bin/mgpumanager.js', kill_timeout: killMs } }]);
      writeFileSync(join(folder, 'bin', 'pm2'), `#!/bin/sh\necho 'In-memory PM2 is out-of-date'\necho '${list}'\n`);
      chmodSync(join(folder, 'bin', 'pm2'), 0o755);
    };
    const look = async (): Promise<unknown> => {
      const { out } = await program(['doctor', '-c', write({ consumers: consumers() }), '--json'], { PATH: `${join(folder, 'bin')}:${card.env['PATH']}` });
      const { checks }: { checks: Check[] } = JSON.parse(out);
      return checks.find(({ check }) => check === 'pm2');
    };
    tell(1600);
    expect(await look()).toMatchObject({ result: 'fail', fix: expect.stringContaining('kill_timeout to 40000') });
    tell(40_000);
    expect(await look()).toMatchObject({ result: 'ok' });
  });
});

built('the log of a daemon', () => {
  test('is shown from outside, as it was written', async () => {
    const daemon = await serve({ consumers: { mvoice: { preset: 'mvoice', url: urlOf('mvoice') } } });
    const url = await daemon.url();
    const { code, out } = await program(['logs', '--json', '--grep', 'listening', '--url', url]);
    expect(code).toBe(0);
    const said = await daemon.line(({ message }) => message === 'listening');
    expect(JSON.parse(out)).toMatchObject({ level: 'info', message: 'listening', time: said['timestamp'], fields: { url, pid: said['pid'] } });
    daemon.signal('SIGTERM');
    expect(await daemon.exit()).toBe(0);
  });
});
