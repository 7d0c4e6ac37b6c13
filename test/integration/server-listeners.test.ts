import { afterEach, expect, jest, test } from '@jest/globals';
import { BrokerServer } from '../../lib/broker-server.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, BrokerOptions } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { until } from '../support/until.ts';

/** More than listeners of one event that Node takes for a leak. */
const MANY = 12;

let broker: Broker;
let fakes: FakeConsumer[] = [];
const listen = jest.spyOn(BrokerServer.prototype, 'listen');

afterEach(async () => {
  await broker.stop();
  await Promise.all(fakes.map((fake) => fake.stop()));
  listen.mockClear();
});

/** So many consumers c0, c1 and so on, each at an address of its own. */
async function consumers(count: number): Promise<BrokerOptions['consumers']> {
  fakes = await Promise.all(Array.from({ length: count }, simpleConsumer));
  for (const fake of fakes) fake.on('GET /any', (exchange) => exchange.json(200, {}));
  return Object.fromEntries(fakes.map((fake, index) => [`c${index}`, { fake }]));
}

function server(): BrokerServer {
  const found: unknown = listen.mock.contexts[0];
  if (found instanceof BrokerServer) return found;
  throw new Error('the broker has no server');
}

async function ask(name: string): Promise<void> {
  expect((await request({ url: `${broker.url}/upstream/${name}/any` })).status).toBe(200);
}

test('a dozen consumers that have all been asked are no leak in the eyes of Node', async () => {
  const all = await consumers(MANY);
  broker = await startBroker({ consumers: all });
  for (const name of Object.keys(all)) await ask(name);
  const most = server().getMaxListeners();
  expect(most === 0 || server().listenerCount('close') <= most).toBe(true);
});

test('a consumer that reloads take out and put back leaves nothing behind each time', async () => {
  const { c0, c1 } = await consumers(2);
  if (c0 === undefined || c1 === undefined) throw new Error('two were asked for');
  broker = await startBroker({ consumers: { c0, c1 } });
  await ask('c0');
  const before = server().listenerCount('close');
  for (let times = 0; times < 3; times += 1) {
    broker.reload({ consumers: { c1 } });
    await until(() => broker.daemon.registry.everyone().length === 1);
    broker.reload({ consumers: { c0, c1 } });
    await ask('c0');
  }
  expect(server().listenerCount('close')).toBe(before);
});
