import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { probeConsumer } from '../../../lib/consumers/probe.ts';
import { Registry } from '../../../lib/consumers/registry.ts';
import type { Config } from '../../../lib/config/types.ts';
import { configured, consumerOf } from '../../support/configured.ts';
import { FakeConsumer } from '../../support/fake-consumer.ts';
import { FakeLogger } from '../../support/fake-logger.ts';
import { FakeWitness } from '../../support/fake-witness.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const RESIDENCY = { path: '/ps', items: '/models', name: '/name' };

const clock = new ManualClock();
let fake: FakeConsumer;
let registry: Registry;
let config: Config;

beforeEach(async () => {
  fake = await FakeConsumer.start();
});
afterEach(() => fake.stop());

/** The consumer `a`, with these settings beside its address. */
function start(settings: Readonly<Record<string, unknown>>): void {
  config = configured({ consumers: { a: { url: fake.url, ...settings } } });
  registry = new Registry({ clock, logger: new FakeLogger(), events: new FakeWitness() });
  registry.reconfigure(config);
}

/** One probe begins and ends. */
async function probe(): Promise<void> {
  const startedAt = clock.now();
  registry.probed(consumer(), { startedAt, ...(await probeConsumer(consumerOf(config, 'a'), 5000)) });
}

function consumer() {
  const state = registry.byName('a');
  if (state === null) throw new Error('no consumer');
  return state;
}

function lists(...names: readonly string[]): void {
  fake.on('GET /ps', (exchange) => exchange.json(200, { models: names.map((name) => ({ name })) }));
}

describe('what a consumer lists as loaded', () => {
  test('is not known before a probe', () => {
    start({ residency: RESIDENCY });
    expect(consumer().loadedNames).toBeNull();
  });

  test('is what its residency route said last, and nothing is not the same as unknown', async () => {
    start({ residency: RESIDENCY });
    lists('qwen3:8b', 'llama3:latest');
    await probe();
    expect(consumer().loadedNames).toEqual(['qwen3:8b', 'llama3:latest']);
    lists();
    await probe();
    expect(consumer().loadedNames).toEqual([]);
  });

  test('is not known of one that has no such route, though it says that it is loaded', async () => {
    fake.residency.health = { status: 200, body: { loaded: true, models: [{ name: 'm' }] } };
    start({});
    await probe();
    expect(consumer().report?.loaded).toBe(true);
    expect(consumer().loadedNames).toBeNull();
  });

  test('is not known of one whose route says only whether it is loaded', async () => {
    fake.on('GET /ps', (exchange) => exchange.json(200, { is_sleeping: false }));
    start({ residency: { path: '/ps', value: '/is_sleeping', absent_when: true } });
    await probe();
    expect(consumer().report?.loaded).toBe(true);
    expect(consumer().loadedNames).toBeNull();
  });

  test('is not known any more when the route fails', async () => {
    start({ residency: RESIDENCY });
    lists('m');
    await probe();
    fake.on('GET /ps', (exchange) => exchange.json(500, {}));
    await probe();
    expect(consumer().loadedNames).toBeNull();
  });

  test('stays as it was while it is ill, and is forgotten when nobody listens there', async () => {
    start({ residency: RESIDENCY });
    lists('m');
    await probe();
    fake.residency.health = { status: 500, body: {} };
    await probe();
    expect(consumer().loadedNames).toEqual(['m']);
    fake.refuse();
    await probe();
    expect(consumer().loadedNames).toBeNull();
  });
});
