import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config/load.ts';
import { simpleConsumer } from '../support/broker.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PM2 = join(ROOT, 'node_modules', '.bin', 'pm2');
const run = promisify(execFile);

let home: string;
let card: FakeCard;
let fake: FakeConsumer;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'mgpu-pm2-'));
  card = fakeCard({ totalMib: 16376 });
  fake = await simpleConsumer();
});
afterEach(async () => {
  await pm2('kill');
  await fake.stop();
  card.cleanup();
  rmSync(home, { recursive: true, force: true });
}, 30_000);

/** Runs pm2 with a home of its own. */
async function pm2(...args: string[]): Promise<string> {
  const env = { ...process.env, ...card.env, NODE_OPTIONS: '', XDG_STATE_HOME: home, PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true', MGPU_CONFIG: join(home, 'config.yaml') };
  return (await run(PM2, args, { cwd: ROOT, env })).stdout;
}

const log = () => readFileSync(join(home, 'logs', 'mgpumanager-out.log'), 'utf8');

test('PM2 waits until the daemon listens, passes signals on, and lets running work finish when it stops it', async () => {
  const config = { listen: '127.0.0.1:0', routing: { tts: 'one' }, consumers: { one: { url: fake.url, paths: { tts: { path: '/work' } } } } };
  writeFileSync(join(home, 'config.yaml'), JSON.stringify(config));
  await pm2('start', 'ecosystem.config.js');
  // `pm2 start` has come back, so it listens; only its log line may still be on its way.
  await until(() => log().includes('"message":"listening"'));
  const url = /"url":"([^"]+)"/.exec(log())?.[1] ?? '';
  expect((await request({ url: `${url}/healthz` })).status).toBe(200);
  await pm2('sendSignal', 'SIGHUP', 'mgpumanager');
  await until(() => log().includes('configuration reloaded'));
  const held = Promise.withResolvers<void>();
  fake.on('POST /work', async (exchange) => {
    await exchange.delay(held.promise);
    await exchange.json(200, { done: true });
  });
  const running = openRequest({ url: `${url}/v1/tts`, method: 'POST', body: {} });
  await fake.waitFor(1);
  const stopped = pm2('stop', 'mgpumanager');
  await until(() => log().includes('shutting down'));
  held.resolve();
  expect((await running.ended).complete).toBe(true);
  await stopped;
  expect(log()).toContain('"message":"stopped"');
  // It ended by itself: PM2 had to kill nothing.
  expect(readFileSync(join(home, 'pm2.log'), 'utf8')).toMatch(/exited with code \[0\] via signal \[SIGINT\]/);
}, 60_000);

test('the ecosystem file gives the drain its time and one card one daemon', async () => {
  const file: unknown = await import(`${ROOT}/ecosystem.config.js`);
  const [app] = (file as { apps: { kill_timeout: number }[] }).apps;
  const defaults = parseConfig('consumers: { a: { url: "http://127.0.0.1:1" } }', 'defaults', {});
  expect(defaults.ok && app !== undefined && app.kill_timeout > defaults.config.shutdown_grace).toBe(true);
  expect(app).toMatchObject({ exec_mode: 'fork', instances: 1, wait_ready: true, interpreter: 'node_modules/.bin/node' });
});

test('the ecosystem file has a taken port tried again ever more slowly, and lets no single client restart the daemon', async () => {
  const { apps }: { apps: readonly unknown[] } = await import(`${ROOT}/ecosystem.config.js`);
  // One client that sends bytes one by one brings a Node server to about 440 MB for a while.
  expect(apps).toEqual([expect.objectContaining({ exp_backoff_restart_delay: 200, max_restarts: Number.MAX_SAFE_INTEGER, max_memory_restart: '1G' })]);
});
