import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { acquireCardLock } from '../../lib/gpu/card-lock.ts';
import type { CardLock } from '../../lib/gpu/card-lock.ts';
import { nodeProcess } from '../support/node-process.ts';
import type { NodeProcess } from '../support/node-process.ts';

const HOLDER = { pid: process.pid, listen: '127.0.0.1:8770', config: '/etc/mgpu.yaml' };
const CARD_LOCK = new URL('../../lib/gpu/card-lock.ts', import.meta.url).href;
let uuid: string;
let cleanups: (() => Promise<unknown> | void)[];

beforeEach(() => {
  uuid = `GPU-${randomUUID()}`;
  cleanups = [];
});

afterEach(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function acquire(card = uuid): Promise<CardLock> {
  const lock = await acquireCardLock(card, HOLDER);
  cleanups.push(() => (lock.ok ? lock.release() : undefined));
  return lock;
}

async function acquired(): Promise<Extract<CardLock, { ok: true }>> {
  const lock = await acquire();
  if (!lock.ok) throw new Error('the lock is taken');
  return lock;
}

/** Another process that has the lock. */
async function holdingProcess(): Promise<NodeProcess> {
  const holder = await nodeProcess(`
    import { acquireCardLock } from ${JSON.stringify(CARD_LOCK)};
    const lock = await acquireCardLock(${JSON.stringify(uuid)}, { pid: process.pid, listen: null, config: 'other.yaml' });
    console.log(lock.ok);
    setInterval(() => undefined, 1000);
  `);
  cleanups.push(() => holder.kill());
  expect(await holder.line()).toBe('true');
  return holder;
}

function connected(): Socket {
  const socket = connect(`\0mgpumanager-${uuid}`);
  cleanups.push(() => void socket.destroy());
  return socket;
}

test('a second daemon is refused and told who manages the card', async () => {
  expect(await acquire()).toMatchObject({ ok: true });
  expect(await acquire()).toEqual({ ok: false, holder: HOLDER });
});

test('another card is free', async () => {
  await acquire();
  expect(await acquire(`GPU-${randomUUID()}`)).toMatchObject({ ok: true });
});

test('a released card can be taken, and a second release changes nothing', async () => {
  const lock = await acquired();
  await lock.release();
  await lock.release();
  expect(await acquire()).toMatchObject({ ok: true });
});

test('what the holder says of itself can change', async () => {
  const lock = await acquired();
  lock.update({ ...HOLDER, listen: '127.0.0.1:4242' });
  expect(await acquire()).toMatchObject({ ok: false, holder: { listen: '127.0.0.1:4242' } });
});

test('a process that is killed with SIGKILL leaves the card free', async () => {
  const holder = await holdingProcess();
  expect(await acquire()).toEqual({ ok: false, holder: { pid: holder.pid, listen: null, config: 'other.yaml' } });
  await holder.kill();
  expect(await acquire()).toMatchObject({ ok: true });
});

test('of many that start at once exactly one gets the card', async () => {
  const locks = await Promise.all(Array.from({ length: 20 }, () => acquire()));
  expect(locks.filter((lock) => lock.ok)).toHaveLength(1);
});

test('a holder that is stopped keeps the card, and the question gives up', async () => {
  const holder = await holdingProcess();
  process.kill(holder.pid, 'SIGSTOP');
  const before = performance.now();
  expect(await acquire()).toEqual({ ok: false, holder: null });
  expect(performance.now() - before).toBeLessThan(2000);
});

test('clients that neither read nor leave do not hold up the holder', async () => {
  const lock = await acquired();
  const clients = Array.from({ length: 50 }, () => connected().pause());
  await Promise.all(clients.map((client) => once(client, 'connect')));
  expect(await acquire()).toEqual({ ok: false, holder: HOLDER });
  await lock.release();
  expect(await acquire()).toMatchObject({ ok: true });
});

test('clients that talk and break off do no harm', async () => {
  await acquire();
  for (let client = 0; client < 20; client += 1) connected().on('error', () => undefined).end('x'.repeat(100_000)).destroySoon();
  expect(await acquire()).toEqual({ ok: false, holder: HOLDER });
});

describe('a stranger on the socket', () => {
  let stranger: Server;

  async function answering(text: string): Promise<void> {
    stranger = createServer((socket) => socket.on('error', () => undefined).end(text)).listen(`\0mgpumanager-${uuid}`);
    cleanups.push(() => void stranger.close());
    await once(stranger, 'listening');
  }

  test.each(['', '\n', 'garbage\n', '[1]\n', 'null\n', '{"pid":"1"}\n', 'x'.repeat(200_000)])('says nothing of use: %.20j', async (text) => {
    await answering(text);
    expect(await acquire()).toEqual({ ok: false, holder: null });
  });

  test('says only part of it', async () => {
    await answering('{"pid":7}');
    expect(await acquire()).toEqual({ ok: false, holder: { pid: 7, listen: null, config: '' } });
  });
});

test('the lock does not keep a process alive', async () => {
  const holder = await nodeProcess(`
    import { acquireCardLock } from ${JSON.stringify(CARD_LOCK)};
    console.log((await acquireCardLock(${JSON.stringify(uuid)}, { pid: process.pid, listen: null, config: '' })).ok);
  `);
  cleanups.push(() => holder.kill());
  expect(await holder.line()).toBe('true');
  expect(await holder.exited).toBe(0);
});
