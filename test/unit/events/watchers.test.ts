import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lib/clock.ts';
import { EventLog } from '../../../lib/events/event-log.ts';
import { Watchers } from '../../../lib/events/watchers.ts';
import { EventReader } from '../../support/event-reader.ts';
import { FakeLogger } from '../../support/fake-logger.ts';
import { RawClient } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const LIMIT_BYTES = 256 * 1024;
const LONG = 'x'.repeat(4000);

let log: EventLog;
let watchers: Watchers;
let server: Server;
let port: number;
let answers: ServerResponse[];
/** What the snapshot says. */
let how: string;

/** The watchers alone behind a real server. A request may carry `Last-Event-ID`. */
async function start(heartbeatMs?: number): Promise<void> {
  answers = [];
  how = 'it is';
  log = new EventLog(systemClock);
  watchers = new Watchers({ log, logger: new FakeLogger(), onOpen: (res) => void answers.push(res), ...(heartbeatMs === undefined ? {} : { heartbeatMs }) });
  server = createServer((req, res) => {
    const lastEventId = req.headers['last-event-id'];
    watchers.watch(res, { types: null, lastEventId: typeof lastEventId === 'string' ? lastEventId : null, snapshot: () => ({ how }) });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
}
beforeEach(() => start());
afterEach(async () => {
  await watchers.close();
  server.closeAllConnections();
  server.close();
});

const watch = (lastEventId?: string) => EventReader.open(`http://127.0.0.1:${port}/`, lastEventId);
const note = (by: string): void => log.note({ type: 'pause', paused: true, by });

/** A client that reads nothing. */
async function watchWithoutReading(lastEventId?: string): Promise<RawClient> {
  const client = await RawClient.open(port);
  client.socket.pause();
  client.send(`GET / HTTP/1.1\r\nHost: localhost\r\n${lastEventId === undefined ? '' : `Last-Event-ID: ${lastEventId}\r\n`}\r\n`);
  await until(() => answers.length > 0);
  return client;
}

/** Lets things happen, a turn after each, until somebody has been cut. Returns the most that was ever unsent for one client, in bytes. */
async function noteUntilCut(): Promise<number> {
  let most = 0;
  for (let count = 0; watchers.cut === 0 && count < 20_000; count += 1) {
    note(`${count} ${LONG}`);
    most = Math.max(most, ...answers.map(({ writableLength }) => writableLength));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(watchers.cut).toBe(1);
  return most;
}

describe('a client that reads', () => {
  test('is told what happens within a moment in few pieces', async () => {
    const reader = await watch();
    await reader.found('snapshot');
    let pieces = 0;
    reader.response.on('data', () => (pieces += 1));
    for (let count = 0; count < 40; count += 1) {
      note(`${count}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reader.found('pause', { by: '39' });
    expect(reader.of('pause').map(({ by }) => by)).toEqual(Array.from({ length: 40 }, (_, count) => `${count}`));
    expect(pieces).toBeLessThan(20);
    reader.leave();
  });

  test('is told of what is the last before the end', async () => {
    const reader = await watch();
    await reader.found('snapshot');
    note('last');
    await watchers.close();
    await reader.found('bye');
    expect(reader.names).toEqual(['snapshot', 'pause', 'bye']);
  });

  test('is not cut in a burst of more than may ever be unsent', async () => {
    const reader = await watch();
    await reader.found('snapshot');
    for (let count = 0; count < 200; count += 1) {
      note(`${count} ${LONG}`);
      await until(() => (answers[0]?.writableLength ?? 0) < LIMIT_BYTES / 4);
    }
    await reader.found('pause', { by: `199 ${LONG}` });
    expect(watchers.cut).toBe(0);
    reader.leave();
  });
});

describe('a client whose snapshot is on its way for long, as much waits in the queue,', () => {
  async function watchSlowly(): Promise<EventReader> {
    // More than all buffers between the two take.
    how = 'x'.repeat(16 * 2 ** 20);
    const reader = await watch();
    reader.response.pause();
    expect(answers[0]?.writableLength).toBeGreaterThan(LIMIT_BYTES);
    return reader;
  }

  test('is not cut for what happens meanwhile, and is told of it in its turn', async () => {
    const reader = await watchSlowly();
    for (let count = 0; count < 40; count += 1) note(`${count}`);
    expect([watchers.count, watchers.cut]).toEqual([1, 0]);
    reader.response.resume();
    await reader.found('pause', { by: '39' });
    note('40');
    await reader.found('pause', { by: '40' });
    expect(reader.names[0]).toBe('snapshot');
    expect(reader.of('pause').map(({ by }) => by)).toEqual(Array.from({ length: 41 }, (_, count) => `${count}`));
    reader.leave();
  });

  test('is cut when the log has gone on without it', async () => {
    const reader = await watchSlowly();
    for (let count = 0; count < 2000; count += 1) note(`${count}`);
    expect(watchers.cut).toBe(0);
    note('2000');
    expect([watchers.count, watchers.cut]).toEqual([0, 1]);
    reader.leave();
  });
});

describe('a client that does not read', () => {
  test('never has more than 256 KiB and one event waiting for it, and is cut then', async () => {
    const client = await watchWithoutReading();
    const most = await noteUntilCut();
    expect(most).toBeGreaterThan(LIMIT_BYTES / 2);
    expect(most).toBeLessThan(LIMIT_BYTES + 2 * LONG.length);
    expect([watchers.count, answers[0]?.destroyed]).toEqual([0, true]);
    client.socket.destroy();
  });

  test('and comes back is told no faster than it reads, and is cut when the log has gone on without it', async () => {
    const first = await watch();
    await first.found('snapshot');
    first.leave();
    await until(() => watchers.count === 0);
    answers.length = 0;
    for (let count = 0; count < 1900; count += 1) note(LONG);
    const client = await watchWithoutReading(first.lastId);
    const most = await noteUntilCut();
    expect(most).toBeLessThan(LIMIT_BYTES);
    client.socket.destroy();
  });
});

describe('a heartbeat', () => {
  test('is a comment, and tells how far the log has come', async () => {
    await watchers.close();
    server.close();
    await start(5);
    const reader = await watch();
    const { boot } = await reader.found('snapshot');
    note('a');
    await until(() => reader.text.includes(`: heartbeat\nid: ${String(boot)}-1\n\n`));
    expect(reader.names).toEqual(['snapshot', 'pause']);
    reader.leave();
    await until(() => watchers.count === 0);
  });
});

describe('the end', () => {
  test('is said to all who watch; nobody is taken any more', async () => {
    const readers = [await watch(), await watch()];
    for (const reader of readers) await reader.found('snapshot', { how: 'it is' });
    await watchers.close();
    for (const reader of readers) {
      await reader.found('bye');
      expect(reader.response.complete).toBe(true);
    }
    const nowhere = { types: null, lastEventId: null, snapshot: () => ({}) };
    expect(() => answers.forEach((res) => watchers.watch(res, nowhere))).toThrow('the broker is shutting down');
  });

  test('does not wait for one that does not read', async () => {
    const client = await watchWithoutReading();
    for (let count = 0; watchers.count > 0 && (answers[0]?.writableLength ?? 0) < LIMIT_BYTES / 2 && count < 20_000; count += 1) {
      note(LONG);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answers[0]?.writableLength).toBeGreaterThan(0);
    await watchers.close();
    expect(answers[0]?.destroyed).toBe(false);
    // What still happens is nothing to it.
    note('late');
    client.socket.destroy();
  });
});
