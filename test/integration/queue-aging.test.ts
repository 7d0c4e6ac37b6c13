import { afterEach, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
afterEach(() => broker.stop());

const post = (kind: string): OpenRequest => openRequest({ url: `${broker.url}/v1/${kind}`, method: 'POST', body: {} });

/** A patient request waits, then an urgent one comes; the consumers in the order in which they were asked. */
async function orderWith({ aging, waitedMs }: { readonly aging: string; readonly waitedMs: number }): Promise<readonly string[]> {
  const order: string[] = [];
  const held = Promise.withResolvers<void>();
  const consumerNamed = async (name: string): Promise<FakeConsumer> =>
    (await simpleConsumer()).on('POST /work', async (exchange) => {
      order.push(name);
      if (order.length === 1) await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
  const [holder, patient, urgent] = [await consumerNamed('holder'), await consumerNamed('patient'), await consumerNamed('urgent')];
  broker = await startBroker({
    consumers: {
      holder: { fake: holder },
      patient: { fake: patient, settings: { priority: 0 } },
      urgent: { fake: urgent, settings: { priority: 4 } },
    },
    settings: { queue: { aging }, routing: { tts: 'holder', stt: 'patient', llm: 'urgent' } },
  });
  const first = post('tts');
  await holder.waitFor(1);
  const second = post('stt');
  await broker.waiting(1);
  await until(() => (broker.daemon.gate.statistics.oldestWaitMs ?? 0) >= waitedMs);
  const third = post('llm');
  await broker.waiting(2);
  held.resolve();
  for (const each of [first, second, third]) expect((await each.ended).status).toBe(200);
  return order;
}

test('an urgent request is served before one that has not waited for long', async () => {
  expect(await orderWith({ aging: '1m', waitedMs: 0 })).toEqual(['holder', 'urgent', 'patient']);
});

test('a request that has waited for long is served before an urgent one that has not', async () => {
  // One step for each 100 ms: five make up for a difference of four, and the urgent one has none yet.
  expect(await orderWith({ aging: '100ms', waitedMs: 500 })).toEqual(['holder', 'patient', 'urgent']);
});
