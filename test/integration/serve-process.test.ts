import { openSync, closeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer } from '../support/broker.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { ServeProcess } from '../support/serve-process.ts';
import { until } from '../support/until.ts';

let card: FakeCard;
let fake: FakeConsumer;
let started: ServeProcess[];

beforeEach(async () => {
  card = fakeCard({ totalMib: 16376 });
  fake = await simpleConsumer();
  started = [];
});
afterEach(async () => {
  for (const each of started) await each.cleanup();
  await fake.stop();
  card.cleanup();
});

const config = (over: Record<string, unknown> = {}) => ({
  listen: '127.0.0.1:0',
  routing: { tts: 'one' },
  consumers: { one: { url: fake.url, paths: { tts: { path: '/work' } } } },
  ...over,
});

function serve(over: Record<string, unknown> = {}, stdout: 'pipe' | number = 'pipe'): ServeProcess {
  const each = new ServeProcess({ config: config(over), env: card.env, stdout });
  started.push(each);
  return each;
}

const post = (url: string) => openRequest({ url: `${url}/v1/tts`, method: 'POST', body: {} });

describe('serve', () => {
  test('says ready, serves, and on SIGTERM lets running work finish and exits with 0', async () => {
    const daemon = serve();
    await daemon.ready();
    const url = await daemon.url();
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, { done: true });
    });
    const running = post(url);
    await fake.waitFor(1);
    daemon.signal('SIGTERM');
    await daemon.line(({ message }) => message === 'shutting down');
    expect(JSON.parse((await post(url).ended).body)).toMatchObject({ error: 'shutting_down' });
    held.resolve();
    expect((await running.ended).complete).toBe(true);
    expect(await daemon.exit()).toBe(0);
  });

  test('on SIGINT does the same, and a second one ends it at once with 130', async () => {
    const daemon = serve();
    const url = await daemon.url();
    fake.on('POST /work', (exchange) => exchange.never());
    const running = post(url);
    running.ended.catch(() => undefined);
    await fake.waitFor(1);
    daemon.signal('SIGINT');
    await daemon.line(({ message }) => message === 'shutting down');
    daemon.signal('SIGINT');
    expect(await daemon.exit()).toBe(130);
  });

  test('reloads on SIGHUP; a bad file changes nothing and is reported with line and column', async () => {
    const daemon = serve();
    const url = await daemon.url();
    daemon.write('consumers:\n  one: { ulr: http://127.0.0.1:1 }\n');
    daemon.signal('SIGHUP');
    const line = await daemon.line(({ message }) => String(message).startsWith('configuration not reloaded'));
    expect(line['problem']).toMatch(/config\.yaml:2:10: consumers\.one\.ulr: .*did you mean "url"/);
    expect(JSON.parse((await request({ url: `${url}/v1/status` })).body).config.reload_error).toMatch(/did you mean "url"/);
    expect((await post(url).ended).status).toBe(200);
    daemon.write(config({ routing: { llm: 'one' } }));
    daemon.signal('SIGHUP');
    await daemon.line(({ message }) => message === 'configuration reloaded');
    expect((await post(url).ended).status).toBe(501);
  });

  test('ends with 3 and all faults when the configuration is not valid', async () => {
    const daemon = serve({ gpu: { devise: 0 }, queue: { max_wait: 5 } });
    expect(await daemon.exit()).toBe(3);
    expect(daemon.stderr.trim().split('\n')).toHaveLength(2);
  });

  test('ends with 4 when the port is taken', async () => {
    const daemon = serve({ listen: fake.url.slice('http://'.length) });
    expect(await daemon.exit()).toBe(4);
    expect(daemon.stderr).toMatch(/EADDRINUSE/);
  });

  test('ends with 4 and names the other daemon when the card is managed already, and starts once that is killed', async () => {
    const first = serve();
    const url = await first.url();
    const second = serve();
    expect(await second.exit()).toBe(4);
    expect(second.stderr).toContain(`pid ${first.child.pid}, which listens on ${url}`);
    first.signal('SIGKILL');
    await first.exit();
    await serve().ready();
  });

  test('leaves no nvidia-smi behind', async () => {
    card.setMode('exec sleep 1000');
    const daemon = serve();
    await daemon.ready();
    daemon.signal('SIGTERM');
    expect(await daemon.exit()).toBe(0);
    for (const pid of card.startedPids()) await until(() => !isRunning(pid));
  });

  test('serves on, and exits, when its log has nowhere to go', async () => {
    const full = openSync('/dev/full', 'w');
    const daemon = serve({}, full);
    closeSync(full);
    await daemon.ready();
    // Its log cannot say where it listens, but it tells a second daemon.
    const second = serve();
    expect(await second.exit()).toBe(4);
    const url = /listens on (http:\/\/[\d.:]+)/.exec(second.stderr)?.[1];
    expect((await post(String(url)).ended).status).toBe(200);
    daemon.signal('SIGTERM');
    expect(await daemon.exit()).toBe(0);
  });

  test('serves on, and exits, when the reader of its log is gone', async () => {
    const daemon = serve();
    const url = await daemon.url();
    daemon.child.stdout?.destroy();
    for (let round = 0; round < 5; round += 1) expect((await post(url).ended).status).toBe(200);
    daemon.signal('SIGTERM');
    expect(await daemon.exit()).toBe(0);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
