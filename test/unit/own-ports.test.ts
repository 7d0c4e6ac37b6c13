import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OwnPorts } from '../../lib/own-ports.ts';
import { configured } from '../support/configured.ts';
import { FakeLogger } from '../support/fake-logger.ts';

const OPEN = configured({ consumers: { a: { listen: '127.0.0.1:0' } } });
const NONE = configured({ consumers: { a: {} } });

let servers: Server[];
let ports: OwnPorts;
beforeEach(() => {
  servers = [];
  const logger = new FakeLogger();
  ports = new OwnPorts({
    logger,
    createServer: () => {
      const server = createServer();
      servers.push(server);
      return server;
    },
  });
});
afterEach(() => ports.close());

const listening = (): readonly boolean[] => servers.map((server) => server.listening);

test('a reload follows one that is still under way, and the last one counts', async () => {
  await Promise.all([ports.reload(OPEN), ports.reload(NONE)]);
  expect([ports.addressOf('a'), listening()]).toEqual([null, [false]]);
  await Promise.all([ports.reload(NONE), ports.reload(OPEN), ports.reload(OPEN)]);
  expect([ports.addressOf('a'), listening()]).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/), [false, true]]);
});

test('a port that is being opened at the end does not stay open', async () => {
  const starting = ports.start(OPEN);
  ports.close();
  await starting;
  expect([ports.addressOf('a'), listening()]).toEqual([null, [false]]);
});

test('after the end a reload opens nothing', async () => {
  ports.close();
  await ports.reload(OPEN);
  expect(servers).toEqual([]);
});
