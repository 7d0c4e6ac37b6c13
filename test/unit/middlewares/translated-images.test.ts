import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Response } from 'express';
import { expect, test } from '@jest/globals';
import { systemClock } from '../../../lib/clock.ts';
import { ConsumerState } from '../../../lib/consumers/consumer-state.ts';
import { CLIENT_LEFT } from '../../../lib/errors.ts';
import { accessLog } from '../../../lib/middlewares/access-log.ts';
import { exchangeOf } from '../../../lib/middlewares/exchange.ts';
import { sendImages } from '../../../lib/middlewares/translated-images.ts';
import { configured, configuredConsumer } from '../../support/configured.ts';
import { FakeLogger } from '../../support/fake-logger.ts';
import { FakeWitness } from '../../support/fake-witness.ts';
import { RawClient } from '../../support/raw-client.ts';

/** What the kernel takes for a client on loopback that reads nothing is less. */
const BUFFERS = 32 * 1024 * 1024;

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a client that was told that its work is cancelled, and has not taken that yet, is written no images', async () => {
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const images = createServer((_req, res) => {
    asked.resolve();
    void held.promise.then(() => res.end('image'));
  });
  const consumer = configuredConsumer({ url: await listening(images) });
  const failed: unknown[] = [];
  const outcome = Promise.withResolvers<unknown>();
  const app = express();
  app.use(accessLog({ clock: systemClock, logger: new FakeLogger(), events: new FakeWitness(), config: () => configured({}), beginTrace: () => null }));
  app.get('/', async (_req, res: Response) => {
    Object.assign(exchangeOf(res), { route: { consumer, target: null }, consumer: new ConsumerState(consumer, 0) });
    res.on('error', (error) => failed.push(error));
    const sent = sendImages(res, [{ filename: 'a.png', subfolder: '', type: 'output' }], { created: 0, size: null }).catch((error: unknown) => error);
    await asked.promise;
    res.socket?.write(Buffer.alloc(BUFFERS));
    res.writeHead(503).end('cancelled');
    held.resolve();
    outcome.resolve(await sent);
  });
  const broker = createServer(app);
  const url = await listening(broker);
  const client = await RawClient.open(Number(new URL(url).port));
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect([await outcome.promise, failed]).toEqual([CLIENT_LEFT, []]);
  client.reset();
  broker.close();
  images.close();
});
