import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConnectionLimits } from '../../lib/connection-limits.ts';
import { configured } from '../support/configured.ts';

/** A connection from an address. */
function socketFrom(address: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: address });
}

const bounds = { connections: 4, connections_per_peer: 2 };
const MOST_STRANGERS = 32;
let limits: ConnectionLimits;
let sockets: Socket[];
beforeEach(() => {
  limits = new ConnectionLimits(() => bounds, ({ remoteAddress = '' }) => !remoteAddress.startsWith('192.168.'));
  sockets = [];
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
});

function connect(address: string, hasReserve = false): string {
  const socket = socketFrom(address);
  sockets.push(socket);
  return limits.admit(socket, hasReserve);
}

async function close(index: number): Promise<void> {
  const socket = sockets[index];
  if (socket === undefined) throw new Error(`no socket ${index}`);
  await new Promise((resolve) => socket.once('close', resolve).destroy());
}

describe('connections of one peer', () => {
  test.each([
    ['an IPv4 address', ['100.64.0.1', '::ffff:100.64.0.1', '100.64.0.1'], '100.64.0.2'],
    ['a /64 of IPv6', ['fd7a:115c:a1e0:1::1', 'fd7a:115c:a1e0:1:2:3:4:5', 'fd7a:115c:a1e0:1::9'], 'fd7a:115c:a1e0:2::1'],
  ])('are counted by %s', (_what, addresses, other) => {
    expect(addresses.map((address) => connect(address))).toEqual(['open', 'open', 'refused']);
    expect(connect(other)).toBe('open');
    expect(limits.count).toBe(3);
  });

  test('are forgotten when they close', async () => {
    expect([connect('100.64.0.1'), connect('100.64.0.1'), connect('100.64.0.1')]).toEqual(['open', 'open', 'refused']);
    await close(0);
    expect([connect('100.64.0.1'), connect('100.64.0.1')]).toEqual(['open', 'refused']);
  });

  test('get nothing of the reserve, which is for everybody', () => {
    expect([connect('100.64.0.1', true), connect('100.64.0.1', true), connect('100.64.0.1', true)]).toEqual(['open', 'open', 'refused']);
  });

  test.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('on the machine itself (%s) count in all only, as many programs share the address', (address) => {
    expect(Array.from({ length: 5 }, () => connect(address))).toEqual(['open', 'open', 'open', 'open', 'refused']);
  });
});

describe('connections of those who may not connect', () => {
  afterEach(() => void (bounds.connections = 4));

  test('are so many and no more, from however many addresses, so that the others have their places', async () => {
    bounds.connections = 100;
    const strangers = Array.from({ length: 50 }, (_, index) => connect(`192.168.1.${index}`));
    expect(strangers.map((standing) => standing === 'open')).toEqual(strangers.map((_, index) => index < MOST_STRANGERS));
    expect([connect('100.64.0.1'), limits.count]).toEqual(['open', MOST_STRANGERS + 1]);
    await close(0);
    expect([connect('192.168.2.1'), connect('192.168.2.2')]).toEqual(['open', 'refused']);
  });

  test('get nothing of the reserve', () => {
    const all = Array.from({ length: 6 }, (_, index) => connect(`192.168.1.${index}`, true));
    expect(all).toEqual(['open', 'open', 'open', 'open', 'refused', 'refused']);
    expect(connect('100.64.0.1', true)).toBe('reserved');
  });
});

describe('connections in all', () => {
  test('leave a reserve where the health of the broker is served, and not elsewhere', async () => {
    const all = Array.from({ length: 30 }, (_, index) => connect(`100.64.0.${index}`, true));
    expect(all.filter((standing) => standing === 'open')).toHaveLength(4);
    expect(all.filter((standing) => standing === 'reserved')).toHaveLength(16);
    expect(limits.count).toBe(20);
    await close(4);
    expect([connect('100.64.1.1', false), connect('100.64.1.2', true), connect('100.64.1.3', true)]).toEqual(['refused', 'reserved', 'refused']);
    await close(0);
    expect(connect('100.64.1.4', false)).toBe('open');
  });

  test('are by default more than those who may wait', () => {
    const { limits: fallback, queue } = configured({});
    expect(fallback.connections).toBeGreaterThanOrEqual(2 * queue.max_waiting);
  });
});
