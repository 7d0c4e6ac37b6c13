import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, BrokerOptions, ConsumerStatus, Settings } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { untilAsked } from '../support/until.ts';

const MIB = 1024 * 1024;
const HOOKS = { load: { path: '/load' }, unload: { path: '/unload' } };

let broker: Broker;
let card: FakeCard;
let fake: FakeConsumer;

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
});
afterEach(() => broker.stop());

/** Starts a daemon with one consumer whose memory is what the card shows for this process. */
async function start(settings: Settings, options: { readonly loaded?: boolean; readonly loadedMib?: number; readonly unloadedMib?: number } = {}): Promise<void> {
  fake = await simpleConsumer({ loadedMib: 4000, ...options, memory: cardShares(card)('one') });
  broker = await startBroker({ card, consumers: { one: { fake, settings } } });
}

async function one(): Promise<ConsumerStatus> {
  const [consumer] = (await broker.status()).consumers;
  if (consumer === undefined) throw new Error('no consumer');
  return consumer;
}

function becomes(facts: Partial<ConsumerStatus>): Promise<void> {
  return untilAsked(async () => {
    const state = await one();
    return Object.entries(facts).every(([key, value]) => Object.is(Object.entries(state).find(([name]) => name === key)?.[1], value));
  });
}

function post(path = '/v1/llm') {
  return request({ url: broker.url + path, method: 'POST', body: {} });
}

function calls(path: string): number {
  return fake.requests.filter((each) => each.path === path).length;
}

describe('the memory of its processes', () => {
  test('tells that a consumer which says nothing has its weights, or has lost them by itself', async () => {
    await start({ unload: { path: '/unload' }, vram_resident_mib: 4000 });
    // A lazy one is assumed absent; the card knows better.
    await becomes({ residency: 'resident', residency_source: 'process', gpu_resident_mib: 4000, gpu_resident_source: 'process' });
    fake.residency.setLoaded(false);
    await becomes({ residency: 'absent', residency_source: 'process', gpu_resident_mib: 0 });
  });

  test('makes a consumer that has lost its weights be loaded before its next request', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000 });
    await becomes({ residency_source: 'process', residency: 'resident' });
    fake.residency.setLoaded(false);
    await becomes({ residency: 'absent' });
    expect((await post()).status).toBe(200);
    expect(calls('/load')).toBe(1);
    await becomes({ residency: 'resident' });
  });

  test('does not take what an unload leaves behind for weights', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000 }, { unloadedMib: 1000 });
    card.hold('another', 0);
    await becomes({ residency: 'resident', residency_source: 'process' });
    expect((await post('/v1/consumers/one/unload')).status).toBe(200);
    await becomes({ residency: 'absent', gpu_resident_mib: 1000, residency_source: 'process' });
    expect((await post()).status).toBe(200);
    expect(calls('/load')).toBe(1);
  });

  test('that was never seen does not make it be loaded again and again', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000 }, { loadedMib: 0 });
    await becomes({ residency: 'absent', residency_source: 'process' });
    for (let round = 0; round < 3; round += 1) expect((await post()).status).toBe(200);
    expect(calls('/load')).toBe(1);
    expect(await one()).toMatchObject({ residency: 'resident', residency_source: 'action' });
  });
});

describe('the own word of a consumer', () => {
  const RESIDENCY = { path: '/ps', items: '/models', name: '/name', bytes: '/vram' };

  function lists(...models: readonly { readonly name: string; readonly vram: number }[]): void {
    fake.on('GET /ps', (exchange) => exchange.json(200, { models }));
  }

  test('goes before the memory of its processes', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000, residency: RESIDENCY });
    lists();
    await becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 0, gpu_resident_source: 'self' });
    lists({ name: 'small', vram: 100 * MIB }, { name: 'smaller', vram: 50 * MIB });
    await becomes({ residency: 'resident', residency_source: 'self', gpu_resident_mib: 150 });
  });

  test('that cannot be had leaves the memory of its processes', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000, residency: RESIDENCY });
    await becomes({ residency: 'resident', residency_source: 'process' });
  });

  test('says which items to unload, and when that is done', async () => {
    await start({ vram_resident_mib: 4000, residency: RESIDENCY, unload: { path: '/stop/{name}', body: { model: '{name}' }, for_each_loaded: true } });
    lists({ name: 'a/b', vram: 10 * MIB }, { name: 'c', vram: 10 * MIB });
    const bodies: string[] = [];
    fake.on('POST /stop/*', async (exchange) => {
      bodies.push((await exchange.readBody()).toString());
      await exchange.json(200, {});
      if (bodies.length === 2) setImmediate(() => lists());
      if (bodies.length === 2) fake.residency.setLoaded(false);
    }, { gpu: false });
    await becomes({ residency_source: 'self' });
    expect((await post('/v1/consumers/one/unload')).status).toBe(200);
    expect(bodies).toEqual(['{"model":"a/b"}', '{"model":"c"}']);
    expect(fake.requests.filter(({ path }) => path.startsWith('/stop')).map(({ path }) => path)).toEqual(['/stop/a%2Fb', '/stop/c']);
    expect(await one()).toMatchObject({ residency: 'absent' });
  });

  test('that it is still loaded makes an unload fail, in time', async () => {
    await start({ vram_resident_mib: 4000, residency: RESIDENCY, unload: { path: '/unload', timeout: '200ms', in_flight: 'waits' } });
    lists({ name: 'a', vram: 10 * MIB });
    await becomes({ residency_source: 'self' });
    const answer = await post('/v1/consumers/one/unload');
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([503, 'eviction_failed']);
    expect(broker.logger.lines.find(({ message }) => message === 'unload failed')?.fields?.['error']).toContain('may work on something that did not come through the broker');
  });

  test('ends a load: it lasts until the consumer says that it is loaded', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000, residency: RESIDENCY }, { loaded: false });
    lists();
    await becomes({ residency: 'absent', residency_source: 'self' });
    fake.on('POST /load', async (exchange) => {
      await exchange.json(200, {});
      fake.residency.setLoaded(true);
    }, { gpu: false });
    const asked = post();
    await fake.waitFor(({ path }) => path === '/load');
    const psCalls = calls('/ps');
    await untilAsked(async () => Promise.resolve(calls('/ps') > psCalls + 2));
    expect(fake.jobs).toHaveLength(0);
    lists({ name: 'a', vram: 10 * MIB });
    expect((await asked).status).toBe(200);
  });

  test('that loading has failed ends it at once', async () => {
    await start({ ...HOOKS, vram_resident_mib: 4000, residency: { path: '/ps', items: '/models', state: '/state', loaded: ['loaded'], failed: ['failed'] } }, { loaded: false });
    fake.on('GET /ps', (exchange) => exchange.json(200, { models: [{ state: 'unloaded' }] }));
    await becomes({ residency: 'absent', residency_source: 'self' });
    fake.on('POST /load', async (exchange) => {
      fake.on('GET /ps', (again) => again.json(200, { models: [{ state: 'failed' }] }));
      await exchange.json(200, {});
    }, { gpu: false });
    const answer = await post();
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([502, { error: 'load_failed', message: 'one could not be loaded: it says that loading has failed' }]);
  });
});

describe('a hook', () => {
  test('that finds nothing to do has done its work, if its answer says so', async () => {
    await start({ load: { path: '/load', already: { status: [400], contains: 'already running' } }, unload: { path: '/unload' }, vram_resident_mib: 4000 }, { loaded: false });
    await becomes({ residency: 'absent' });
    fake.on('POST /load', async (exchange) => {
      fake.residency.setLoaded(true);
      await exchange.json(400, { error: 'model is already running' });
    }, { gpu: false });
    expect((await post()).status).toBe(200);
  });

  test('that is answered otherwise has failed', async () => {
    await start({ load: { path: '/load', already: { status: [400], contains: 'already running' } }, unload: { path: '/unload' }, vram_resident_mib: 4000 }, { loaded: false });
    await becomes({ residency: 'absent' });
    fake.on('POST /load', (exchange) => exchange.json(400, { error: 'no such model' }), { gpu: false });
    expect(JSON.parse((await post()).body)).toMatchObject({ error: 'load_failed', message: 'one could not be loaded: POST /load answered 400' });
  });

  test('is tried again after the statuses that may pass', async () => {
    await start({ load: { path: '/load', retry_status: [409] }, unload: { path: '/unload' }, vram_resident_mib: 4000 }, { loaded: false });
    await becomes({ residency: 'absent' });
    let tries = 0;
    fake.on('POST /load', async (exchange) => {
      tries += 1;
      if (tries === 2) fake.residency.setLoaded(true);
      await exchange.json(tries === 2 ? 200 : 409, {});
    }, { gpu: false });
    expect((await post()).status).toBe(200);
    expect(tries).toBe(2);
  });

  test('whose answer lacks what a good one contains has failed', async () => {
    await start({ load: { path: '/load', expect: 'finished' }, unload: { path: '/unload' }, vram_resident_mib: 4000 }, { loaded: false });
    await becomes({ residency: 'absent' });
    fake.on('POST /load', (exchange) => exchange.send(200, 'data: {"error":"no such model"}\n\n'), { gpu: false });
    expect(JSON.parse((await post()).body).message).toBe('one could not be loaded: POST /load answered 200 without "finished"');
  });

  test('and every other call of ours carries the consumer’s own headers; requests of clients do not', async () => {
    await start({ ...HOOKS, headers: { 'x-admin-key': 'secret' }, residency: { path: '/ps', items: '/models' } });
    await post('/v1/consumers/one/unload');
    await post();
    for (const path of ['/health', '/ps', '/unload']) {
      expect(fake.requests.filter((each) => each.path === path).every(({ headers }) => headers['x-admin-key'] === 'secret')).toBe(true);
    }
    expect(fake.jobs.every(({ headers }) => headers['x-admin-key'] === undefined)).toBe(true);
  });
});

describe('a footprint', () => {
  test('that is not declared is the most that was measured, and survives the daemon', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mgpu-state-'));
    const stateFile = join(folder, 'gpu0.json');
    fake = await simpleConsumer({ loaded: false, loadedMib: 4000, memory: cardShares(card)('one') });
    const options: BrokerOptions = { card, stateFile, consumers: { one: { fake, settings: { unload: { path: '/unload' }, residency: { path: '/ps', items: '/models' } } } } };
    fake.on('GET /ps', (exchange) => exchange.json(200, { models: fake.loaded ? ['m'] : [] }));
    broker = await startBroker(options);
    expect(await one()).toMatchObject({ vram_budget_mib: null, vram_budget_source: null });
    fake.residency.setLoaded(true);
    await becomes({ vram_budget_mib: 4000, vram_budget_source: 'measured' });
    fake.residency.setLoaded(false);
    await broker.daemon.stop(0);
    expect(JSON.parse(readFileSync(stateFile, 'utf8')).footprints).toEqual({ [`one ${fake.url}`]: 4000 });
    broker = await startBroker(options);
    expect(await one()).toMatchObject({ vram_budget_mib: 4000, vram_budget_source: 'measured' });
    // Torn by a full disk, say.
    await broker.daemon.stop(0);
    writeFileSync(stateFile, '{"footprints": {');
    broker = await startBroker(options);
    expect((await one()).vram_budget_mib).toBeNull();
    expect(broker.logger.lines.some(({ message }) => message === 'the state file cannot be read; it is begun anew')).toBe(true);
    rmSync(folder, { recursive: true });
  });

  test('that is declared and off by more than a quarter is reported', async () => {
    await start({ unload: { path: '/unload' }, vram_resident_mib: 3000 });
    await becomes({ vram_warning: 'vram_resident_mib is 3000, but 4000 MiB were measured' });
    expect(await one()).toMatchObject({ vram_budget_mib: 3000, vram_budget_source: 'declared' });
  });
});

test('what a server keeps after an unload is learnt from its own word too, however much it is', async () => {
  await start({ unload: { path: '/unload' }, vram_resident_mib: 4000, residency: { path: '/stats', bytes: '/vram' } });
  let saysMib = 3800;
  fake.on('GET /stats', (exchange) => exchange.json(200, { vram: saysMib * MIB }));
  fake.on('POST /unload', async (exchange) => {
    saysMib = 1500;
    card.hold('fakes', 1800);
    await exchange.json(200, {});
  }, { gpu: false });
  await becomes({ residency: 'resident', residency_source: 'self' });
  expect((await post('/v1/consumers/one/unload')).status).toBe(200);
  await becomes({ residency: 'absent', residency_source: 'self', gpu_resident_mib: 1500 });
  saysMib = 3000;
  await becomes({ residency: 'resident', residency_source: 'self' });
});
