import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { RawClient } from '../support/raw-client.ts';
import type { RawAnswer } from '../support/raw-client.ts';

const HAS_IPV6 = Object.values(networkInterfaces()).flat().some((address) => address?.family === 'IPv6');

let broker: Broker;
let fake: FakeConsumer;
afterEach(() => broker.stop());

async function start(access: Settings, settings: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, settings: { access, ...settings } });
}

/** Asks from one of this machine's loopback addresses; `path` stands for a whole request. */
async function ask({ from = '127.0.0.1', to = '127.0.0.1', host = 'localhost', lines = 'GET /healthz HTTP/1.1' } = {}): Promise<RawAnswer | null> {
  const client = await RawClient.open(broker.port, { host: to, localAddress: from });
  client.send(`${lines}\r\nHost: ${host}\r\n\r\n`);
  const answer = await client.answer();
  client.socket.destroy();
  return answer;
}

const statusFrom = async (from: string, to = '127.0.0.1'): Promise<number | undefined> => (await ask({ from, to }))?.status;

describe('access.allow', () => {
  test('keeps everybody else out, and tells them the line that would admit them', async () => {
    await start({ allow: ['10.0.0.0/8'] });
    const answer = await ask();
    expect(answer?.status).toBe(403);
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      error: 'forbidden',
      message: '127.0.0.1 may not connect; to admit it, configure access: { allow: [loopback, tailscale, 127.0.0.1] }',
      retryable: false,
    });
  });

  test.each([
    ['work', 'POST /v1/tts HTTP/1.1\r\nContent-Length: 0'],
    ['residency by hand', 'POST /v1/consumers/one/unload HTTP/1.1\r\nContent-Length: 0'],
    ['audio', 'GET /audio/a.wav HTTP/1.1'],
    ['the status', 'GET /v1/status HTTP/1.1'],
    ['what does not exist', 'GET /nothing HTTP/1.1'],
    ['a path that is refused', 'GET /../x HTTP/1.1'],
    ['an upgrade', 'GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket'],
    ['a tunnel', 'CONNECT localhost:22 HTTP/1.1'],
    ['another host name', 'GET / HTTP/1.1'],
  ])('says no more than that to one who asks for %s', async (what, lines) => {
    await start({ allow: ['10.0.0.0/8'] }, { audio_proxy: 'one' });
    const answer = await ask({ lines, host: what === 'another host name' ? 'evil.example' : 'localhost' });
    expect([answer?.status, JSON.parse(answer?.body ?? '').error]).toEqual([403, 'forbidden']);
    expect(fake.requests.filter(({ path }) => path !== '/health')).toEqual([]);
  });

  test('takes single addresses', async () => {
    await start({ allow: ['127.0.0.2'] });
    expect([await statusFrom('127.0.0.2'), await statusFrom('127.0.0.1'), await statusFrom('127.0.0.3')]).toEqual([200, 403, 403]);
  });

  test('takes ranges, to the bit', async () => {
    await start({ allow: ['127.0.0.4/30', '127.1.0.0/16'] });
    const froms = ['127.0.0.3', '127.0.0.4', '127.0.0.7', '127.0.0.8', '127.1.255.254', '127.2.0.1'];
    expect(await Promise.all(froms.map((from) => statusFrom(from)))).toEqual([403, 200, 200, 403, 200, 403]);
  });

  test.each([
    ['loopback', 200],
    ['any', 200],
    ['private', 403],
    ['tailscale', 403],
  ])('takes ranges by name: %s', async (name, status) => {
    await start({ allow: [name] });
    expect(await statusFrom('127.0.0.1')).toBe(status);
  });

  (HAS_IPV6 ? test : test.skip)('knows an IPv4 peer on an IPv6 socket for what it is', async () => {
    await start({ allow: ['127.0.0.1'] }, { listen: '[::]:0' });
    expect([await statusFrom('127.0.0.1'), await statusFrom('127.0.0.2'), await statusFrom('::1', '::1')]).toEqual([200, 403, 403]);
    const answer = await ask({ from: '127.0.0.2' });
    expect(answer?.body).toContain('127.0.0.2 may not connect');
    expect(answer?.body).not.toContain('ffff');
  });

  test('looks at the socket and at nothing that the client says', async () => {
    await start({ allow: ['127.0.0.2'] });
    const lines = 'GET /healthz HTTP/1.1\r\nX-Forwarded-For: 127.0.0.2\r\nX-Real-IP: 127.0.0.2\r\nForwarded: for=127.0.0.2\r\nTailscale-User-Login: me@x';
    expect((await ask({ lines }))?.status).toBe(403);
  });

  test('comes before everything else that could be said', async () => {
    await start({ allow: ['10.0.0.0/8'] });
    const starts = ['GET /nothing', 'DELETE /v1/tts', 'GET /audio/../x', 'POST /v1/consumers/one/unload', 'OPTIONS *', 'CONNECT x:1'];
    for (const first of starts) expect((await ask({ lines: `${first} HTTP/1.1` }))?.status).toBe(403);
    expect((await ask({ lines: 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket' }))?.status).toBe(403);
    expect((await ask({ host: 'evil.example' }))?.status).toBe(403);
  });

  test('admits whoever follows the refusal to the letter', async () => {
    await start({ allow: ['10.0.0.0/8'] });
    const told = /access: (\{ allow: \[.*\] \})/.exec((await ask({ from: '127.0.0.7' }))?.body ?? '')?.[1];
    expect(told).toBe('{ allow: [loopback, tailscale, 127.0.0.7] }');
    broker.reload({ consumers: { one: { fake } }, settings: { access: { allow: ['loopback', 'tailscale', '127.0.0.7'] } } });
    expect(await statusFrom('127.0.0.7')).toBe(200);
  });

  test('cuts no work that is under way when it changes', async () => {
    await start({ allow: ['loopback'] });
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.delay(held.promise);
      await exchange.json(200, { done: true });
    });
    const answer = ask({ lines: 'POST /v1/tts HTTP/1.1\r\nContent-Length: 0' });
    await fake.waitFor(1);
    broker.reload({ consumers: { one: { fake } }, settings: { access: { allow: ['10.0.0.0/8'] } } });
    held.resolve();
    expect(await answer).toMatchObject({ status: 200, body: '{"done":true}' });
  });

  test('changes with a reload, for open connections too', async () => {
    await start({ allow: ['loopback'] });
    const client = await RawClient.open(broker.port);
    const round = async (): Promise<number | undefined> => {
      client.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return (await client.answer())?.status;
    };
    expect(await round()).toBe(200);
    broker.reload({ consumers: { one: { fake } }, settings: { access: { allow: ['10.0.0.0/8'] } } });
    expect(await round()).toBe(403);
    broker.reload({ consumers: { one: { fake } } });
    expect(await round()).toBe(200);
    client.socket.destroy();
  });
});

describe('access.hosts', () => {
  test('adds names under which this host is reached, in any case and with any port', async () => {
    await start({ allow: ['loopback'], hosts: ['GPU-Box.lan', 'proxy'] });
    for (const host of ['gpu-box.lan', 'GPU-BOX.LAN:8770', 'proxy:1']) expect((await ask({ host }))?.status).toBe(200);
    for (const host of ['x.gpu-box.lan', 'gpu-box', 'gpu-box.lan.evil.example']) expect((await ask({ host }))?.status).toBe(421);
  });

  test('admits no peer', async () => {
    await start({ allow: ['10.0.0.0/8'], hosts: ['gpu-box.lan'] });
    expect((await ask({ host: 'gpu-box.lan' }))?.status).toBe(403);
  });
});
