import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ask } from '../../lib/cli/client.ts';
import type { Question } from '../../lib/cli/client.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';

let daemon: FakeDaemon;
let url: string;
beforeEach(async () => {
  daemon = new FakeDaemon();
  url = await daemon.start();
});
afterEach(() => daemon.stop());

const get = (more: Partial<Question> = {}) => ask({ url, method: 'GET', path: '/', timeoutMs: 2000, ...more });

describe('a daemon counts as unreachable that', () => {
  test('says nothing in time', async () => {
    daemon.replies.set('GET /', () => undefined);
    expect(await get({ timeoutMs: 50 })).toEqual({ kind: 'unreachable', message: `no answer from ${url}: nothing within 0.05 s` });
  });

  test('begins and then says nothing more in time', async () => {
    daemon.replies.set('GET /', (_req, res) => res.writeHead(200).write('{'));
    expect(await get({ timeoutMs: 50 })).toEqual({ kind: 'unreachable', message: `no answer from ${url}: nothing within 0.05 s` });
  });

  test.each([
    ['breaks off before its answer', 'socket hang up', ''],
    ['breaks off in the middle of it', 'aborted', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'],
    ['switches protocols', 'it closed the connection', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n'],
  ])('%s: %s', async (_name, reason, bytes) => {
    daemon.replies.set('GET /', (req) => req.socket.end(bytes));
    expect(await get()).toEqual({ kind: 'unreachable', message: `no answer from ${url}: ${reason}` });
  });
});

test('a question that is given up closes its connection', async () => {
  const asked = Promise.withResolvers<Socket>();
  daemon.replies.set('GET /', (req) => asked.resolve(req.socket));
  const giving = new AbortController();
  const answer = get({ timeoutMs: null, signal: giving.signal });
  const closed = once(await asked.promise, 'close');
  giving.abort();
  await closed;
  expect(await answer).toMatchObject({ kind: 'unreachable' });
});

test('a redirection is not followed', async () => {
  daemon.replies.set('GET /', (_req, res) => res.writeHead(302, { location: '/v1/status' }).end());
  expect(await get()).toEqual({ kind: 'stranger', message: `${url} answers, but not as mGPUmanager does` });
  expect(daemon.asked).toEqual(['GET /']);
});
