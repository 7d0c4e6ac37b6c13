import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer } from '../support/broker.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload, request } from '../support/http.ts';
import type { Answer, OpenRequest } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';
import { ServeProcess } from '../support/serve-process.ts';
import type { ServeOptions } from '../support/serve-process.ts';
import { untilAsked } from '../support/until.ts';

const MIB = 1024 * 1024;
/** Of the whole process. With 320 MiB of bodies in it or on their way 170 was seen at most, and 500 with the bodies in memory. */
const RSS_MIB = 250;

let card: FakeCard;
let fake: FakeConsumer;
let daemon: ServeProcess;
let url: string;

beforeEach(async () => {
  card = fakeCard({ totalMib: 16376 });
  fake = await simpleConsumer();
});
afterEach(async () => {
  await daemon.cleanup();
  await fake.stop();
  card.cleanup();
});

const config = (over: Record<string, unknown> = {}) => ({
  listen: '127.0.0.1:0',
  routing: { tts: 'one' },
  consumers: { one: { url: fake.url, paths: { tts: { path: '/work' }, llm: { path: '/work' } } } },
  ...over,
});

async function start(options: Partial<ServeOptions> = {}): Promise<void> {
  daemon = new ServeProcess({ config: config(), env: card.env, ...options });
  await daemon.ready();
  url = await daemon.url();
}

interface Status {
  readonly scheduler: { readonly queue_depth: number; readonly in_flight: number };
  readonly process: { readonly rss_mib: number };
  readonly config: { readonly reload_error?: string };
}
const status = async (): Promise<Status> => JSON.parse((await request({ url: `${url}/v1/status` })).body);
const post = (kind = 'tts'): Promise<Answer> => request({ url: `${url}/v1/${kind}`, method: 'POST', body: {} });

describe('a bug that nobody has caught', () => {
  test.each([
    ['thrown', 'throw new Error("a bug")', 'uncaught exception'],
    ['in a promise', 'Promise.reject(new Error("a bug"))', 'unhandled rejection'],
  ])('(%s) ends the process with 1, and the log has its stack', async (_how, bug, message) => {
    await start({ nodeArgs: ['--import', `data:text/javascript,process.on('SIGUSR2', () => { ${bug} })`] });
    expect((await post()).status).toBe(200);
    daemon.signal('SIGUSR2');
    expect((await daemon.line((line) => line['message'] === message))['error']).toMatch(/Error: a bug\n.* at /);
    expect(await daemon.exit()).toBe(1);
  });
});

describe('a heap of 64 MiB', () => {
  test('bears 40 clients who wait with 4 MiB each, and 40 who go on sending', async () => {
    await start({ nodeArgs: ['--max-old-space-size=64'] });
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const body = Buffer.alloc(4 * MIB, 'x');
    const waiting = Array.from({ length: 40 }, () => openRequest({ url: `${url}/v1/tts`, method: 'POST', body }));
    const sending: OpenRequest[] = Array.from({ length: 40 }, () => openUpload(`${url}/v1/tts`));
    for (const { request: upload } of sending) upload.write(body);
    await untilAsked(async () => {
      const { scheduler } = await status();
      return scheduler.queue_depth + scheduler.in_flight === waiting.length;
    }, 90_000);
    expect((await status()).process.rss_mib).toBeLessThan(RSS_MIB);
    for (const each of sending) each.abort();
    held.resolve();
    for (const { ended } of waiting) expect((await ended).status).toBe(200);
    expect((await request({ url: `${url}/healthz` })).status).toBe(200);
    expect(daemon.child.exitCode).toBe(null);
  }, 120_000);
});

describe('a client that sends bytes one by one', () => {
  test('is refused at limits.body by the same process, whose memory stays small', async () => {
    await start({ config: config({ limits: { body: '512KiB' } }), nodeArgs: ['--max-old-space-size=64'] });
    const client = await RawClient.open(Number(new URL(url).port));
    client.send('POST /v1/tts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.send('1\r\nx\r\n'.repeat(MIB / 2 + 1));
    expect((await client.answer())?.status).toBe(413);
    client.reset();
    expect((await status()).process.rss_mib).toBeLessThan(RSS_MIB);
    expect([(await post()).status, daemon.child.exitCode]).toEqual([200, null]);
  });
});

describe('SIGHUP', () => {
  const failed = 'configuration not reloaded: it is not valid';
  const lines = (message: string): number => daemon.lines.filter((line) => line['message'] === message).length;
  const linkTo = (target: string): void => {
    rmSync(daemon.configPath);
    symlinkSync(target, daemon.configPath);
  };
  const reload = async (message: string): Promise<void> => {
    const before = lines(message);
    daemon.signal('SIGHUP');
    await daemon.line(() => lines(message) > before);
  };

  test.each([
    ['is gone', () => rmSync(daemon.configPath)],
    ['is half written', () => daemon.write(JSON.stringify(config()).slice(0, 60))],
    ['is empty', () => daemon.write('')],
    ['is a link that leads nowhere', () => linkTo('nowhere.yaml')],
  ])('while the file %s changes nothing, and the status says so until a good file is there', async (_what, spoil) => {
    await start();
    spoil();
    await reload(failed);
    expect((await post()).status).toBe(200);
    expect((await status()).config.reload_error).toContain('config.yaml');
    rmSync(daemon.configPath, { force: true });
    writeFileSync(`${daemon.configPath}.new`, JSON.stringify(config({ routing: { llm: 'one' } })));
    renameSync(`${daemon.configPath}.new`, daemon.configPath);
    await reload('configuration reloaded');
    expect([(await post()).status, (await post('llm')).status]).toEqual([501, 200]);
  });

  test('a hundred times while the file changes ends with what it says last, and loses no request', async () => {
    await start();
    const asked: Promise<Answer>[] = [];
    for (let round = 0; round < 100; round += 1) {
      daemon.write(round % 3 === 0 ? 'consumers: {' : config({ routing: { tts: 'one', ...(round % 2 === 0 ? { llm: 'one' } : {}) } }));
      daemon.signal('SIGHUP');
      if (round % 10 === 0) asked.push(post());
    }
    for (const { status } of await Promise.all(asked)) expect(status).toBe(200);
    daemon.write(config({ routing: { tts: 'one', llm: 'one' } }));
    // Signals of the same kind that come close together are one.
    await untilAsked(async () => {
      daemon.signal('SIGHUP');
      return (await post('llm')).status === 200;
    });
    expect(lines(failed) + lines('configuration reloaded')).toBeGreaterThan(0);
  });
});
