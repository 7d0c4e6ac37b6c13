import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { BrokerServer } from '../../lib/broker-server.ts';
import { ConnectionLimits } from '../../lib/connection-limits.ts';
import { configured } from '../support/configured.ts';
import { FakeLogger } from '../support/fake-logger.ts';

/** As the system says it when accept(2) fails. */
const NO_FILES = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });

function makeServer(): { server: BrokerServer; logger: FakeLogger } {
  const logger = new FakeLogger();
  const { limits } = configured({});
  return { logger, server: new BrokerServer({ hasReserve: true }, { connections: new ConnectionLimits(() => limits, () => true), logger }) };
}

test('a server that cannot accept goes on, and says so once', async () => {
  const { server, logger } = makeServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (let count = 0; count < 3; count += 1) server.emit('error', NO_FILES);
  expect(logger.lines).toEqual([{ level: 'error', message: 'connections cannot be accepted', fields: { reason: 'EMFILE' } }]);
  expect(server.listening).toBe(true);
  server.close();
  await once(server, 'close');
});

test('a server that cannot listen leaves it to others to say so', async () => {
  const { server, logger } = makeServer();
  const failed = once(server, 'error');
  server.listen(0, '192.0.2.1');
  await failed;
  expect(logger.lines).toEqual([]);
});
