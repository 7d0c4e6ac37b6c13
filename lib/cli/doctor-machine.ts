import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../clock.ts';
import type { Env } from '../config/env.ts';
import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import type { Config } from '../config/types.ts';
import { NvidiaSmi } from '../gpu/nvidia-smi.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { numberOf } from './members.ts';
import { duration, mib } from './words.ts';

const run = promisify(execFile);
/** PM2's own programs take up to 2 s to start. ms. */
const PROGRAM_MS = 10_000;
/** What the daemon opens beside the connections of clients and consumers. */
const OWN_FILES = 100;
/** Two clocks that differ by more make times in logs and estimates hard to read. ms. */
const LARGEST_SKEW_MS = 5000;
/** No machine that runs this has an earlier clock. */
const OLDEST = Date.UTC(2026, 0, 1);

/** Whether nvidia-smi is there, and can be read. */
export async function checkCard({ gpu }: Config, env: Env): Promise<Finding> {
  const reader = new NvidiaSmi({ device: gpu.device, clock: systemClock, attribute: async () => null, env: { ...env } });
  const reading = await reader.read();
  if (reading.ok) return ok('nvidia-smi', `${reading.sample.name ?? 'a card'}: ${mib(reading.sample.usedMib)} used of ${mib(reading.sample.totalMib)}`);
  const fix = 'Make `nvidia-smi` work for this user, or set gpu.device to a card that it lists; until then the declared footprints (vram_resident_mib) alone decide.';
  return warn('nvidia-smi', reading.error, fix);
}

/** Whether a process of this user may open as many files as the limits on connections want. */
export function checkOpenFiles({ limits }: Config): Finding {
  const most = openFilesLimit();
  const wanted = limits.connections * 2 + OWN_FILES;
  if (most === null) return ok('open files', 'the limit cannot be read here');
  if (most >= wanted) return ok('open files', `${most} may be open, and ${wanted} are the most that are needed`);
  return warn('open files', `${most} may be open, but ${limits.connections} connections (limits.connections) can need ${wanted}`, 'Raise it (`ulimit -n`, LimitNOFILE= in a systemd unit), or lower limits.connections.');
}

/** Node has raised its own to what this user is allowed, and the daemon's will be the same. */
function openFilesLimit(): number | null {
  const [, limit] = /^Max open files +(\d+|unlimited)/m.exec(textIn('/proc/self/limits') ?? '') ?? [];
  if (limit === undefined) return null;
  return limit === 'unlimited' ? Infinity : Number(limit);
}

/** Whether the clock can be right, and whether the daemon's says the same. `daemonTime`: null where none runs. */
export async function checkClock(daemonTime: Date | null, now: Date): Promise<Finding> {
  const fix = 'Set the clock and keep it set: `timedatectl set-ntp true`.';
  if (now.getTime() < OLDEST) return fail('clock', `it says ${now.toISOString()}, which is past`, fix);
  const skewMs = daemonTime === null ? 0 : Math.abs(daemonTime.getTime() - now.getTime());
  if (skewMs > LARGEST_SKEW_MS) return warn('clock', `the daemon's clock differs from this one by ${duration(skewMs)}`, fix);
  const isKept = await run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], { timeout: PROGRAM_MS }).then(({ stdout }) => stdout.trim(), () => '');
  return isKept === 'no' ? warn('clock', 'nothing keeps it right', fix) : ok('clock', now.toISOString());
}

/** Whether PM2, if it runs the daemon, gives it the time that its shutdown takes. */
export async function checkPm2({ shutdown_grace: graceMs }: Config, env: Env): Promise<Finding> {
  const home = env['PM2_HOME'] || join(env['HOME'] || homedir(), '.pm2');
  // `pm2 jlist` would start PM2 where it does not run.
  if (!isAlive(Number(textIn(join(home, 'pm2.pid')) ?? NaN))) return ok('pm2', 'PM2 does not run here');
  const apps = await run('pm2', ['jlist'], { timeout: PROGRAM_MS, env: { ...env, PM2_HOME: home } }).then(({ stdout }) => appsIn(stdout), () => null);
  if (apps === null) return warn('pm2', 'PM2 runs, but `pm2 jlist` does not answer', 'Look at `pm2 list` and at ~/.pm2/pm2.log.');
  const settings = apps.map((app) => memberOf(app, 'pm2_env')).find((app) => /\bmgpumanager(?:\.js)?$/.test(textOf(app, 'pm_exec_path') ?? ''));
  if (settings === undefined) return ok('pm2', 'PM2 runs, but not this daemon');
  // PM2's own default.
  const killMs = numberOf(settings, 'kill_timeout') ?? 1600;
  if (killMs > graceMs) return ok('pm2', `kill_timeout ${killMs} ms is above shutdown_grace ${graceMs} ms`);
  return fail('pm2', `kill_timeout ${killMs} ms is not above shutdown_grace ${graceMs} ms, so that a restart kills running work`, `Set kill_timeout to ${graceMs + 10_000} in the ecosystem file, then \`pm2 delete\` and \`pm2 start\` it.`);
}

/** PM2 may say something before the list. */
function appsIn(text: string): readonly unknown[] {
  const parsed: unknown = JSON.parse(text.slice(text.indexOf('[')));
  return itemsOf(parsed);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid)) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function textIn(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
