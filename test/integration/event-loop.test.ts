import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConsumerState } from '../../lib/consumers/consumer-state.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { until, untilAsked } from '../support/until.ts';

const PROBE_LIMIT_MS = 100;

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: { health: { interval: '10ms', timeout: `${PROBE_LIMIT_MS}ms` } } });
  await until(() => consumer().health.state === 'healthy');
});
afterEach(() => broker.stop());

function consumer(): ConsumerState {
  const state = broker.daemon.registry.byName('one');
  if (state === null) throw new Error('no consumer');
  return state;
}

/** Nothing in this process is done for so long. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const numbers = async (): Promise<Record<string, number>> => JSON.parse((await request({ url: `${broker.url}/v1/status` })).body).process;

describe('an event loop that is held up', () => {
  test('is no fault of a consumer whose answer to a probe could not be read', async () => {
    fake.residency.health = 'hang';
    for (let round = 0; round < 4; round += 1) {
      const before = fake.requests.length;
      await until(() => fake.requests.length > before);
      block(PROBE_LIMIT_MS * 3);
    }
    expect(consumer().health.state).toBe('healthy');
    await until(() => consumer().health.state === 'unhealthy');
  });

  test('is seen in the status, beside the memory and the connections', async () => {
    expect((await numbers())['event_loop_max_ms']).toBeLessThan(1500);
    block(1500);
    await untilAsked(async () => Number((await numbers())['event_loop_max_ms']) >= 1400);
    const { rss_mib: rssMib, open_connections: connections, event_loop_p99_ms: p99Ms } = await numbers();
    expect(rssMib).toBeGreaterThan(20);
    expect(connections).toBe(1);
    expect(p99Ms).toBeGreaterThanOrEqual(0);
  });

  test('answers late, and not wrong', async () => {
    const asked = request({ url: `${broker.url}/healthz` });
    block(500);
    expect(await asked).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  });
});
