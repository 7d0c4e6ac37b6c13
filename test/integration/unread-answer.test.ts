import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { historyOf } from '../support/history-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { until, untilAsked } from '../support/until.ts';

const IDLE_MS = 1000;
const ROWS = 4000;
/** A page of them has some 16 MiB: more than the buffers of a connection on loopback, which the kernel lets grow to 6 MiB. */
const TEXT = 'x'.repeat(1000);
const GET = `GET /v1/history?what=health&limit=${ROWS} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

let folder: string;
let broker: Broker;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-unread-'));
  broker = await startBroker({
    consumers: { one: { fake: await simpleConsumer() } },
    settings: { timeouts: { client_idle: `${IDLE_MS}ms` }, history: { path: join(folder, 'history.db') } },
  });
  for (let count = 0; count < ROWS; count += 1) broker.daemon.events.note({ type: 'health', consumer: TEXT, from: TEXT, to: TEXT, reason: TEXT });
  await untilAsked(async () => ((await historyOf(broker.url, 'what=health&limit=1')).rows[0]?.id ?? 0) >= ROWS);
});
afterEach(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const cuts = () => broker.logger.lines.filter(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client idle').length;

describe('a large answer of our own', () => {
  test('is kept for a client that takes nothing of it no longer than timeouts.client_idle', async () => {
    const client = await RawClient.open(broker.port);
    client.socket.pause();
    client.send(GET);
    await until(() => broker.daemon.connections === 1);
    await until(() => broker.daemon.connections === 0);
    expect(cuts()).toBe(1);
    client.reset();
  });

  test('goes whole to one that takes it slowly, although that lasts longer', async () => {
    const client = await RawClient.open(broker.port);
    client.send(GET);
    const length = Number((await client.head())?.headers['content-length']);
    const startedAt = performance.now();
    for (let had = 0; had < length; ) {
      const piece = await client.read(64 * 1024);
      if (piece.length === 0) throw new Error(`cut after ${had} of ${length} bytes`);
      had += piece.length;
      // The kernels pass some MiB on at a time, so that nothing seems to be taken in between; the whole has many of these.
      await until(() => performance.now() - startedAt > (2 * IDLE_MS * had) / length);
    }
    expect(performance.now() - startedAt).toBeGreaterThan(2 * IDLE_MS);
    expect(cuts()).toBe(0);
    client.socket.destroy();
  });
});
