import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer } from '../support/broker.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { historyOf } from '../support/history-client.ts';
import { request } from '../support/http.ts';
import { ServeProcess } from '../support/serve-process.ts';
import { untilAsked } from '../support/until.ts';

let folder: string;
let file: string;
let card: FakeCard;
let fake: FakeConsumer;
let daemon: ServeProcess;
let url: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-history-'));
  file = join(folder, 'history.db');
  card = fakeCard({ totalMib: 16376 });
  fake = await simpleConsumer();
  await start();
});
afterEach(async () => {
  await daemon.cleanup();
  await fake.stop();
  card.cleanup();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  const consumers = { one: { url: fake.url, paths: { tts: { path: '/work' } } } };
  daemon = new ServeProcess({ config: { listen: '127.0.0.1:0', routing: { tts: 'one' }, consumers, history: { path: file } }, env: card.env });
  url = await daemon.url();
}

const tts = async (id: string): Promise<number> => (await request({ url: `${url}/v1/tts`, method: 'POST', body: {}, headers: { 'X-Request-Id': id } })).status;
const count = async (): Promise<number> => (await historyOf(url, 'limit=10000')).rows.length;

describe('a daemon that is killed', () => {
  test('in the midst of writing leaves a whole file, with all but the last moment', async () => {
    for (let round = 0; round < 3; round += 1) {
      const before = await count();
      let isKilled = false;
      const client = async (name: string): Promise<void> => {
        for (let index = 0; !isKilled; index += 1) await tts(`${name}-${index}`).catch(() => undefined);
      };
      const clients = ['a', 'b', 'c', 'd'].map(client);
      await untilAsked(async () => (await count()) > before + 20);
      const kept = await count();
      daemon.signal('SIGKILL');
      expect(await daemon.exit()).toBe('SIGKILL');
      isKilled = true;
      await Promise.all(clients);
      const database = new Database(file);
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      database.close();
      await daemon.cleanup();
      await start();
      expect(await count()).toBeGreaterThanOrEqual(kept);
    }
  });

  test('in the ordinary way writes all that has ended', async () => {
    for (let index = 0; index < 5; index += 1) expect(await tts(String(index))).toBe(200);
    daemon.signal('SIGTERM');
    expect(await daemon.exit()).toBe(0);
    await daemon.cleanup();
    await start();
    expect((await historyOf(url)).rows.map((row) => row['request'])).toEqual(['4', '3', '2', '1', '0']);
  });
});

test('a disk that is full costs no request, and what waited is written when there is room', async () => {
  const limit = (bytes: string): Buffer => execFileSync('prlimit', ['--pid', String(daemon.child.pid), `--fsize=${bytes}:unlimited`]);
  expect(await tts('before')).toBe(200);
  await untilAsked(async () => (await count()) === 1);
  // No file may grow from here on.
  limit(String(statSync(`${file}-wal`).size));
  expect(await tts('meanwhile')).toBe(200);
  await daemon.line(({ message }) => String(message).startsWith('history: off:'));
  expect(await tts('too')).toBe(200);
  expect(JSON.parse((await request({ url: `${url}/v1/status` })).body).history).toMatchObject({ on: false, dropped: 0 });
  limit('unlimited');
  daemon.signal('SIGHUP');
  await daemon.line(({ message }) => message === 'history: on again');
  await untilAsked(async () => (await count()) === 3);
  expect((await historyOf(url)).rows.map((row) => row['request'])).toEqual(['too', 'meanwhile', 'before']);
});
