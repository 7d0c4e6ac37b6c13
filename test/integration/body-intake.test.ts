import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openUpload, request } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let fake: FakeConsumer;
afterEach(() => broker.stop());

async function start(settings: Settings = {}, own: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake, settings: own } }, settings });
}

const upload = (headers = {}) => openUpload(`${broker.url}/v1/tts`, headers);
const code = (body: string): unknown => JSON.parse(body).error;
/** Files of ours that have a name; a spooled body must have none. */
const named = () => readdirSync(tmpdir()).filter((name) => /^mgpumanager-[0-9a-f-]{36}$/.test(name));

describe('a gated body', () => {
  test('is taken in before the card is asked for: who uploads slowly holds up nobody', async () => {
    await start();
    const slow = upload();
    slow.request.write('{"text":');
    expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
    expect((await broker.status()).scheduler).toMatchObject({ in_flight: 0, queue_depth: 0 });
    slow.request.end('"late"}');
    expect((await slow.ended).status).toBe(200);
    expect(fake.jobs[1]?.body?.toString()).toBe('{"text":"late"}');
  });

  test('arrives byte for byte with its length, also when it is large and came in chunks', async () => {
    await start();
    const body = randomBytes(3 * 1024 * 1024 + 17);
    const sent = upload();
    for (let at = 0; at < body.length; at += 100_000) sent.request.write(body.subarray(at, at + 100_000));
    sent.request.end();
    await until(() => fake.jobs.length > 0 || broker.daemon.gate.statistics.running > 0);
    expect(named()).toEqual([]);
    expect((await sent.ended).status).toBe(200);
    const [job] = fake.jobs;
    expect(job?.headers['content-length']).toBe(String(body.length));
    expect(job?.headers['transfer-encoding']).toBeUndefined();
    expect(job?.body?.equals(body.subarray(0, job.body.length))).toBe(true);
  });

  test('over limits.body is refused by its declared length, before a byte of it is read', async () => {
    await start({ limits: { body: '1KiB' } });
    const sent = upload({ 'content-length': '4294967296', expect: '100-continue' });
    const answer = await sent.ended;
    expect([answer.status, code(answer.body)]).toEqual([413, 'payload_too_large']);
    expect(fake.jobs).toHaveLength(0);
  });

  test('over limits.body is refused while it comes in', async () => {
    await start({ limits: { body: '1KiB' } });
    const sent = upload();
    sent.request.write('x'.repeat(2000));
    expect((await sent.ended).status).toBe(413);
  });

  test('finds no room when limits.spool is taken, and room again when others are done', async () => {
    await start({ limits: { spool: '1MiB' } });
    const first = upload();
    first.request.write(Buffer.alloc(900_000));
    const second = upload();
    await until(() => broker.daemon.spooledBytes >= 800_000);
    second.request.write(Buffer.alloc(900_000));
    const refused = await second.ended;
    expect([refused.status, code(refused.body), refused.headers['retry-after']]).toEqual([429, 'queue_full', '5']);
    first.request.end();
    expect((await first.ended).status).toBe(200);
    await until(() => broker.daemon.spooledBytes === 0);
    expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: Buffer.alloc(900_000) })).status).toBe(200);
  });

  test('of one piece is refused too when the spool is full, not sent without its content', async () => {
    await start({ limits: { spool: '1KiB' } });
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: Buffer.alloc(66_000) });
    expect([answer.status, code(answer.body)]).toEqual([429, 'queue_full']);
    expect(fake.jobs).toHaveLength(0);
  });

  test('that stops coming gets 408', async () => {
    await start({}, { timeouts: { client_idle: '60ms' } });
    const sent = upload();
    sent.request.write('{');
    const answer = await sent.ended;
    expect([answer.status, code(answer.body)]).toEqual([408, 'request_timeout']);
  });

  test('that comes byte by byte gets 408 when its time in all is over, though it never stops', async () => {
    await start({}, { timeouts: { client_idle: '30s', client_total: '150ms' } });
    const sent = upload();
    const dripping = setInterval(() => sent.request.write('x'), 10);
    const answer = await sent.ended.finally(() => clearInterval(dripping));
    expect([answer.status, code(answer.body)]).toEqual([408, 'request_timeout']);
    expect(answer.body).toContain('timeouts.client_total');
    expect(fake.jobs).toHaveLength(0);
  });

  test('that came in time may then wait as long as it has to', async () => {
    await start({}, { timeouts: { client_total: '100ms' } });
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.delay(held.promise);
      await exchange.json(200, {});
    });
    const sent = upload();
    sent.request.end('{}');
    await broker.running(1);
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 200);
    held.resolve();
    expect((await sent.ended).status).toBe(200);
  });

  test('of one of our own routes has to come in time as well', async () => {
    await start({ timeouts: { client_idle: '60ms' } });
    const sent = openUpload(`${broker.url}/v1/leases`);
    const dripping = setInterval(() => sent.request.write(' '), 10);
    const answer = await sent.ended.finally(() => clearInterval(dripping));
    expect([answer.status, code(answer.body)]).toEqual([408, 'request_timeout']);
  });

  test('whose client leaves in its middle takes nothing with it', async () => {
    await start();
    const sent = upload();
    sent.ended.catch(() => undefined);
    sent.request.write(Buffer.alloc(500_000));
    await until(() => broker.daemon.spooledBytes > 0);
    sent.abort();
    await until(() => broker.daemon.spooledBytes === 0);
    expect(fake.jobs).toHaveLength(0);
    expect(broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client left')).toBe(true);
  });

  test('that the disk does not take is refused, and the daemon lives on', async () => {
    fake = await simpleConsumer();
    broker = await startBroker({ consumers: { one: { fake } }, spoolFolder: '/proc/nowhere' });
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: Buffer.alloc(200_000) });
    expect([answer.status, code(answer.body)]).toEqual([429, 'queue_full']);
    expect(answer.body).not.toContain('/proc');
    expect((await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} })).status).toBe(200);
  });
});
