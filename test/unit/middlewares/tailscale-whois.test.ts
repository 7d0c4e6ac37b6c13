import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { TailscaleWhois } from '../../../lib/middlewares/tailscale-whois.ts';
import { FakeLogger } from '../../support/fake-logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgpu-whois-'));
const socketPath = join(folder, 's.sock');
let clock: ManualClock;
let asked: string[];
let status: number;
const tailscaled = createServer((req, res) => {
  asked.push(decodeURIComponent(String(req.url?.split('addr=')[1])));
  res.writeHead(status).end('{"UserProfile":{"LoginName":"me@x"}}');
});
let whois: TailscaleWhois;

beforeEach(async () => {
  [clock, asked, status] = [new ManualClock(), [], 200];
  whois = new TailscaleWhois({ clock, logger: new FakeLogger(), socketPath });
  tailscaled.listen(socketPath);
  await once(tailscaled, 'listening');
});
afterEach(async () => {
  tailscaled.close();
  tailscaled.closeAllConnections();
  await once(tailscaled, 'close');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A connection of a peer. */
function from(remoteAddress: string, remotePort = 1000): Socket {
  return Object.defineProperties(new Socket(), { remoteAddress: { value: remoteAddress }, remotePort: { value: remotePort } });
}

test('an address is known for a minute, and a connection for as long as it lives', async () => {
  const first = from('100.100.1.1');
  expect(await whois.loginOf(first)).toBe('me@x');
  clock.pass(59_999);
  expect(await whois.loginOf(from('100.100.1.1', 2000))).toBe('me@x');
  clock.pass(1);
  expect(whois.loginOf(first)).toBe('me@x');
  expect(asked).toEqual(['100.100.1.1:1000']);
  expect(await whois.loginOf(from('100.100.1.1', 3000))).toBe('me@x');
  expect(asked).toEqual(['100.100.1.1:1000', '100.100.1.1:3000']);
});

test('one that is not known is asked about again after 5 s, also on the same connection', async () => {
  const socket = from('100.100.1.1');
  status = 404;
  expect(await whois.loginOf(socket)).toBeNull();
  status = 200;
  clock.pass(4999);
  expect(await whois.loginOf(socket)).toBeNull();
  clock.pass(1);
  expect(await whois.loginOf(socket)).toBe('me@x');
  expect(asked).toHaveLength(2);
});

test('connections of one address that come together are one question', async () => {
  const sockets = Array.from({ length: 20 }, (_, port) => from('fd7a:115c:a1e0::1', port + 1));
  expect(new Set(await Promise.all(sockets.map((socket) => whois.loginOf(socket))))).toEqual(new Set(['me@x']));
  expect(asked).toEqual(['[fd7a:115c:a1e0::1]:1']);
});

test('an IPv4 address on an IPv6 socket is asked about as what it is', async () => {
  expect(await whois.loginOf(from('::ffff:100.100.1.1'))).toBe('me@x');
  expect(asked).toEqual(['100.100.1.1:1000']);
});

test('a connection that has gone already has nobody at its end', () => {
  expect(whois.loginOf(new Socket())).toBeNull();
});
