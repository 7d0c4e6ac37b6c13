import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import express from 'express';
import { logs } from '../../../lib/api/logs.ts';
import { LogLines } from '../../../lib/events/log-lines.ts';
import { RawClient } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const HEARTBEAT_MS = 15_000;
/** The kernel takes no more when so much has stayed; twice as much again, and the follower would be cut. Bytes. */
const SURE = 96 * 1024;

let lines: LogLines;
let answer: ServerResponse | null;
let server: Server;
beforeEach(async () => {
  // Only the heartbeat is not to be waited for.
  jest.useFakeTimers({ doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate', 'setTimeout', 'clearTimeout'] });
  lines = new LogLines();
  answer = null;
  const app = express();
  app.use((_req, res, next) => {
    answer = res;
    next();
  }, logs({ logLines: lines }));
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  jest.useRealTimers();
  server.closeAllConnections();
  server.close();
});

/** Bytes that the client has left with us. */
const untaken = (): number => answer?.socket?.writableLength ?? 0;

test('nothing is written to a follower that has not taken the last word', async () => {
  const client = await RawClient.open((server.address() as AddressInfo).port);
  client.socket.pause();
  client.send('GET /?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => lines.followers === 1);
  const failed: unknown[] = [];
  answer?.on('error', (error) => failed.push(error));
  await until(() => {
    for (let count = 0; count < 20; count += 1) lines.note('info', JSON.stringify({ timestamp: '2026-11-21T12:00:00Z', level: 'info', message: 'x'.repeat(2000) }));
    return untaken() > SURE;
  });
  lines.close();
  jest.advanceTimersByTime(2 * HEARTBEAT_MS);
  await new Promise((resolve) => setImmediate(resolve));
  expect([answer?.destroyed, untaken() > 0, failed]).toEqual([false, true, []]);
  client.reset();
});
