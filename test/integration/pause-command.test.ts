import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hostname, userInfo } from 'node:os';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { openRequest, request } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
const HOOKS = { load: { path: '/load' }, unload: { path: '/unload' } };
const ME = `${userInfo().username}@${hostname()}`;
const AT = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;

beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake, settings: HOOKS }, fixed: { fake: await simpleConsumer() } } });
});
afterEach(() => broker.stop());

const cli = (...argv: string[]) => runCli([...argv, '--url', broker.url]);
const post = () => request({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });

/** Lets requests run until `release` is called. */
function holdWork(): () => void {
  const held = Promise.withResolvers<void>();
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await held.promise;
    await exchange.json(200, {});
  });
  return held.resolve;
}

describe('pause', () => {
  test('refuses new work and says since when and by whom, until resume', async () => {
    const paused = await cli('pause');
    expect(paused).toEqual({ code: 0, err: '', out: expect.stringMatching(new RegExp(`^paused since ${AT} by ${ME}\n$`)) });
    expect((await post()).status).toBe(503);
    const resumed = await cli('resume');
    expect(resumed).toEqual({ code: 0, err: '', out: expect.stringContaining(`resumed; it was ${paused.out.trimEnd()} (`) });
    expect((await post()).status).toBe(200);
    expect((await cli('resume')).out).toBe('it was not paused\n');
  });

  test('says what still runs and does not wait for it', async () => {
    const release = holdWork();
    const running = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });
    await fake.waitFor(1);
    expect((await cli('pause')).out).toMatch(/; 1 request still runs\n$/);
    release();
    expect((await running.ended).status).toBe(200);
  });

  test('is in the status, which is not unhealthy for it', async () => {
    await until(() => broker.daemon.registry.everyone().every(({ health }) => health.state === 'healthy'));
    await cli('pause');
    const { code, out } = await cli('status');
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(String.raw`^Paused since ${AT} by ${ME} \(\d+[smhd] ago\); requests get 503 until`));
  });

  test('--json prints what the daemon says', async () => {
    const { paused, consumers } = JSON.parse((await cli('pause', '--unload', '--json')).out);
    expect([paused.by, consumers]).toEqual([ME, [{ consumer: 'one', residency: 'absent' }]]);
    expect(JSON.parse((await cli('resume', '--json')).out)).toEqual({ paused: null, was_paused: paused });
  });
});

describe('pause --unload', () => {
  test('waits for running work, then unloads what can be', async () => {
    const release = holdWork();
    const running = openRequest({ url: `${broker.url}/v1/llm`, method: 'POST', body: {} });
    await fake.waitFor(1);
    const pausing = cli('pause', '--unload');
    await broker.waiting(1);
    release();
    expect((await running.ended).status).toBe(200);
    const { code, out } = await pausing;
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^paused since ${AT} by ${ME}\n\nCONSUMER  RESIDENCY  WHY\none       absent\n$`));
  });

  test('exits with 1 and says why when something could not be unloaded', async () => {
    fake.on('POST /unload', (exchange) => exchange.json(500, {}), { gpu: false });
    const { code, out } = await cli('pause', '--unload');
    expect(code).toBe(1);
    expect(out).toMatch(/^one {7}unknown {4}\S.*could not be unloaded/m);
    expect((await broker.status()).paused).not.toBeNull();
  });
});

describe('a daemon that', () => {
  test('has nothing to unload is told so', async () => {
    const daemon = new FakeDaemon();
    const url = await daemon.start();
    daemon.can('POST /v1/pause', { paused: { since: '2026-11-21T12:00:00Z', by: 'me' }, consumers: [] });
    expect((await runCli(['pause', '--unload', '--url', url])).out).toMatch(/\nno consumer can be unloaded\n$/);
    await daemon.stop();
  });

  test.each([['pause'], ['resume']])('is not there makes %s exit with 5', async (command) => {
    expect(await runCli([command, '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 5, out: '' });
  });

  test.each([['pause'], ['resume']])('refuses makes %s exit with 1', async (command) => {
    const daemon = new FakeDaemon();
    const url = await daemon.start();
    daemon.can(`POST /v1/${command}`, { error: 'forbidden', message: 'not from there', retryable: false }, 403);
    expect(await runCli([command, '--url', url])).toEqual({ code: 1, out: '', err: 'mgpumanager: not from there\n' });
    await daemon.stop();
  });
});
