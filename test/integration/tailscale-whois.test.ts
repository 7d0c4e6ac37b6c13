import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { disguisePeers } from '../support/disguise.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const TAILNET = '127.0.2.1';
const OWNER = { Node: { ID: 1 }, UserProfile: { ID: 2, LoginName: 'owner@example.com', DisplayName: 'Owner' } };

let reveal: () => void;
beforeAll(() => {
  reveal = disguisePeers();
});
afterAll(() => reveal());

let folder: string;
let tailscaled: Server;
/** What it was asked, and by what name. */
let asked: string[];
let reply: (req: IncomingMessage, res: ServerResponse) => void;
let broker: Broker;
let fake: FakeConsumer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-whois-'));
  asked = [];
  reply = (_req, res) => res.end(JSON.stringify(OWNER));
  tailscaled = createServer((req, res) => {
    asked.push(`${req.method} ${req.headers.host} ${req.url}`);
    reply(req, res);
  });
  tailscaled.listen(join(folder, 's.sock'));
  await once(tailscaled, 'listening');
});
afterEach(async () => {
  await broker.stop();
  tailscaled.close();
  tailscaled.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function start(access: Settings = {}, socket = 's.sock'): Promise<void> {
  fake = await simpleConsumer();
  const consumers = { one: { fake } };
  const whois = { tailscale_whois: true, logins: { 'owner@example.com': ['admin'] } };
  broker = await startBroker({ consumers, settings: { access: { allow: ['any'], ...whois, ...access } }, tailscaleSocket: join(folder, socket) });
}

/** Asks for what needs admin, on one connection; returns the statuses. */
async function resumes(from: string, lines: readonly string[][] = [[]]): Promise<(number | undefined)[]> {
  const client = await RawClient.open(broker.port, { localAddress: from });
  const statuses: (number | undefined)[] = [];
  for (const more of lines) {
    client.send(['POST /v1/resume HTTP/1.1', 'Host: localhost', 'Content-Length: 0', ...more, '', ''].join('\r\n'));
    statuses.push((await client.answer())?.status);
  }
  client.socket.destroy();
  return statuses;
}

const logins = (): unknown[] => broker.logger.lines.filter(({ message }) => message === 'exchange').map(({ fields }) => fields?.['login']);

describe('a Tailscale user', () => {
  test('has what access.logins says, and is named in the log; the daemon is asked once', async () => {
    await start();
    expect(await resumes(TAILNET, [[], [], []])).toEqual([200, 200, 200]);
    expect(await resumes(TAILNET)).toEqual([200]);
    expect(asked).toEqual([expect.stringMatching(/^GET local-tailscaled\.sock \/localapi\/v0\/whois\?addr=100\.100\.2\.1%3A\d+$/)]);
    await until(() => logins().length === 4);
    expect(new Set(logins())).toEqual(new Set(['owner@example.com']));
  });

  test('has no admin in a browser, nor behind a proxy', async () => {
    await start();
    expect(await resumes(TAILNET, [['Referer: http://localhost/'], ['X-Forwarded-For: 100.100.2.1'], []])).toEqual([403, 403, 200]);
  });

  test('is nobody else, whatever a header says', async () => {
    await start({ logins: { 'other@example.com': ['admin'] } });
    expect(await resumes(TAILNET, [['Tailscale-User-Login: other@example.com'], []])).toEqual([403, 403]);
  });

  test('whose name is that of something every object has is not in the list', async () => {
    reply = (_req, res) => res.end(JSON.stringify({ UserProfile: { LoginName: 'constructor' } }));
    await start();
    expect(await resumes(TAILNET)).toEqual([403]);
  });
});

test('nobody is asked for who comes from elsewhere', async () => {
  await start();
  expect([await resumes('127.0.3.1'), await resumes('127.0.0.1')]).toEqual([[403], [200]]);
  expect(asked).toEqual([]);
});

test('nobody is asked at all unless that is wanted', async () => {
  await start({ tailscale_whois: false });
  expect(await resumes(TAILNET)).toEqual([403]);
  expect(asked).toEqual([]);
});

describe('a peer has the rights of its address, and is served, when the daemon', () => {
  test.each<[string, typeof reply]>([
    ['does not know it', (_req, res) => res.writeHead(404).end('no match for IP:port')],
    ['refuses', (_req, res) => res.writeHead(403).end(JSON.stringify(OWNER))],
    ['answers no JSON', (_req, res) => res.end('<html>')],
    ['answers something else', (_req, res) => res.end('null')],
    ['has a user without a name', (_req, res) => res.end('{"UserProfile":{"LoginName":7}}')],
    ['hangs up', (req) => req.socket.destroy()],
    ['never answers', () => undefined],
    ['never ends its answer', (_req, res) => res.write('{')],
    ['answers without end', (_req, res) => res.write('x'.repeat(300_000))],
  ])('%s', async (_what, replied) => {
    reply = replied;
    await start();
    expect(await resumes(TAILNET, [[], []])).toEqual([403, 403]);
    expect(asked).toHaveLength(1);
  });

  test('is not there; the log says so once', async () => {
    await start({}, 'none.sock');
    expect(await resumes(TAILNET)).toEqual([403]);
    expect(await resumes('127.0.2.2')).toEqual([403]);
    const warned = broker.logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warned).toEqual(['the Tailscale daemon does not say who its peers are']);
  });
});

test('a client that leaves while the daemon is asked leaves nothing behind', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  reply = (_req, res) => arrived.resolve(res);
  await start();
  const client = await RawClient.open(broker.port, { localAddress: TAILNET });
  client.send('GET /upstream/one/gone HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const held = await arrived.promise;
  client.socket.destroy();
  await until(() => broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['cut'] === 'client left'));
  held.end(JSON.stringify(OWNER));
  const next = await RawClient.open(broker.port, { localAddress: TAILNET });
  next.send('GET /upstream/one/next HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await fake.waitFor(({ path }) => path === '/next');
  next.socket.destroy();
  expect(fake.requests.filter(({ path }) => path === '/gone')).toEqual([]);
});
