import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, ConsumerStatus, Settings } from '../support/broker.ts';
import { openRequest, request } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
afterEach(() => broker.stop());

const post = () => request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
const HOOKS: Settings = { load: { path: '/load' }, unload: { path: '/unload' } };

async function consumer(): Promise<ConsumerStatus> {
  const [only] = (await broker.status()).consumers;
  if (only === undefined) throw new Error('no consumer');
  return only;
}

/** Resolves when the registry has what is wanted; probes come every 50 ms. */
const seen = (fact: (state: NonNullable<ReturnType<Broker['daemon']['registry']['byName']>>) => boolean) =>
  until(() => {
    const state = broker.daemon.registry.byName('one');
    return state !== null && fact(state);
  });

describe('health', () => {
  test('a consumer that refuses connections is refused at once, with the error of its probe', async () => {
    const fake = await simpleConsumer();
    fake.refuse();
    broker = await startBroker({ consumers: { one: { fake } } });
    await seen((state) => state.health.state === 'unhealthy');
    const answer = await post();
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'consumer_unreachable', consumer: 'one', retryable: true, message: expect.stringContaining('ECONNREFUSED') });
    expect(answer.body).not.toMatch(/127\.0\.0\.1|stack/);
    await fake.listenAgain();
    await seen((state) => state.health.state === 'healthy');
    expect((await post()).status).toBe(200);
  });

  test('an answer that is not 2xx makes it unhealthy at once', async () => {
    const fake = await simpleConsumer();
    fake.residency.health = { status: 404, body: 'File Not Found (/health)' };
    broker = await startBroker({ consumers: { one: { fake } } });
    await seen((state) => state.health.state === 'unhealthy');
    expect((await consumer()).last_error).toBe('GET /health answered 404');
  });

  test('one that comes and goes with each probe is neither loaded nor unloaded for it, and costs one line of the log each time', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake, settings: HOOKS } }, settings: { health: { interval: '10ms' } } });
    const changes = () => broker.logger.lines.filter(({ message }) => message === 'health changed').length;
    await seen((state) => state.health.state === 'healthy');
    const before = changes();
    for (let round = 0; round < 10; round += 1) {
      fake.residency.health = { status: 503, body: {} };
      await seen((state) => state.health.state === 'unhealthy');
      expect((await post()).status).toBe(503);
      fake.residency.health = { status: 200, body: {} };
      await seen((state) => state.health.state === 'healthy');
      expect((await post()).status).toBe(200);
    }
    expect(changes() - before).toBe(20);
    expect(fake.requests.filter(({ path }) => path === '/load' || path === '/unload')).toEqual([]);
  });

  test('a timeout while it works says nothing: busy is not dead', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake } }, settings: { health: { interval: '20ms', timeout: '30ms' } } });
    await seen((state) => state.health.state === 'healthy');
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const working = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.running(1);
    fake.residency.health = 'hang';
    const probes = fake.requests.length;
    await until(() => fake.requests.length > probes + 4);
    expect((await consumer()).healthy).toBe(true);
    held.resolve();
    expect((await working.ended).status).toBe(200);
    await seen((state) => state.health.state === 'unhealthy');
  });

  test('an unprobed consumer is waited for, but not longer than 2 s', async () => {
    const fake = await simpleConsumer();
    fake.residency.health = 'hang';
    broker = await startBroker({ consumers: { one: { fake } }, settings: { health: { interval: '1s', timeout: '1m' } } });
    expect((await consumer()).healthy).toBe(null);
    expect((await request({ url: `${broker.url}/readyz` })).status).toBe(503);
    const startedAt = performance.now();
    expect((await post()).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThan(1000);
  });
});

describe('residency', () => {
  test('a lazy consumer is absent at the start and resident after its first job', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake, settings: { unload: { path: '/unload' }, vram_resident_mib: 100 } } } });
    expect((await consumer()).residency).toBe('absent');
    await post();
    expect((await consumer()).residency).toBe('resident');
  });

  test('what a consumer says of itself wins', async () => {
    const fake = await simpleConsumer();
    fake.residency.health = { status: 200, body: { status: 'ok', loaded: false, gpu_resident_mib: 9 } };
    broker = await startBroker({ consumers: { one: { fake, settings: { ...HOOKS, vram_resident_mib: 2800 } } } });
    await seen((state) => state.residency === 'absent' && state.residencySource === 'self');
    expect(await consumer()).toMatchObject({ loaded: false, gpu_resident_mib: 9 });
    fake.residency.health = { status: 200, body: { status: 'ok', loaded: true, gpu_resident_mib: 2790 } };
    await seen((state) => state.residency === 'resident');
    expect(await consumer()).toMatchObject({ loaded: true, gpu_resident_mib: 2790 });
  });

  test('a stopped unit passes the health gate and is started by its load command', async () => {
    const fake = await simpleConsumer();
    fake.refuse();
    const flag = `/tmp/mgpu-test-started-${process.pid}`;
    broker = await startBroker({
      consumers: { one: { fake, settings: { load: { command: ['touch', flag] }, unload: { command: ['true'] }, vram_resident_mib: 100 } } },
    });
    await seen((state) => state.residency === 'absent');
    const answer = post();
    await seen((state) => state.residency === 'loading');
    // One that comes while it starts joins, though its probes still fail.
    await seen((state) => state.health.state === 'unhealthy');
    const joining = post();
    await broker.waiting(2);
    await fake.listenAgain();
    expect((await answer).status).toBe(200);
    expect((await joining).status).toBe(200);
  });

  test.each([
    ['is ill, as a call starts nothing', { load: { path: '/load' } }, 1],
    ['is not ill, as a command starts it', { load: { command: ['true'] } }, 0],
  ])('one that is absent and refuses connections %s', async (_, hook, ill) => {
    const fake = await simpleConsumer();
    fake.refuse();
    broker = await startBroker({ consumers: { one: { fake, settings: { ...HOOKS, ...hook } } } });
    await seen((state) => state.health.state === 'unhealthy' && state.residency === 'absent');
    expect(await consumer()).toMatchObject({ healthy: false, loadable: ill === 0 });
    expect((await broker.status()).summary).toMatchObject({ consumers_ill: ill });
    await fake.listenAgain();
    await seen((state) => state.health.state === 'healthy');
    expect(await consumer()).toMatchObject({ loadable: true });
  });

  test('nobody is unloaded for one that is dead, as a call to it would load nothing', async () => {
    const [fake, other] = [await simpleConsumer(), await simpleConsumer()];
    const settings = { ...HOOKS, vram_resident_mib: 800 };
    fake.refuse();
    broker = await startBroker({
      consumers: { one: { fake, settings }, two: { fake: other, settings } },
      settings: { gpu: { total_mib: 1000 }, routing: { tts: 'one', llm: 'two' } },
    });
    await seen((state) => state.health.state === 'unhealthy' && state.residency === 'absent');
    expect(await post()).toMatchObject({ status: 503, body: expect.stringContaining('consumer_unreachable') });
    expect(other.requests.filter(({ path }) => path === '/unload')).toEqual([]);
    await fake.listenAgain();
  });

  test('a load command that fails is told with its exit code and its last words', async () => {
    const fake = await simpleConsumer();
    fake.refuse();
    broker = await startBroker({
      consumers: { one: { fake, settings: { load: { command: ['sh', '-c', 'echo no such unit >&2; exit 5'] }, unload: { command: ['true'] } } } },
    });
    await seen((state) => state.residency === 'absent');
    const answer = await post();
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'load_failed', message: expect.stringContaining('exit code 5: no such unit') });
    await fake.listenAgain();
  });

  test('a client that left while its consumer loads gets nothing sent, and the next one finds it loaded', async () => {
    const fake = await simpleConsumer({ loaded: false });
    fake.residency.health = { status: 200, body: { loaded: false } };
    const held = Promise.withResolvers<void>();
    fake.residency.load = { answerAfter: held.promise };
    broker = await startBroker({ consumers: { one: { fake, settings: HOOKS } } });
    await seen((state) => state.residency === 'absent');
    const left = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    left.ended.catch(() => undefined);
    await fake.waitFor(({ path }) => path === '/load');
    const stays = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    await broker.waiting(2);
    left.abort();
    await broker.waiting(1);
    held.resolve();
    fake.residency.health = { status: 200, body: { loaded: true } };
    expect((await stays.ended).status).toBe(200);
    expect(fake.requests.filter(({ path }) => path === '/load')).toHaveLength(1);
    expect(fake.jobs).toHaveLength(1);
  });
});
