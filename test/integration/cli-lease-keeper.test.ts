import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LeaseKeeper } from '../../lib/cli/lease-keeper.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { until } from '../support/until.ts';

const RENEWAL = 'PUT /v1/leases/a1';
/** Its third is no whole number. */
const TTL_MS = 130;
const RELEASE = 'DELETE /v1/leases/a1';

let daemon: FakeDaemon;
let url: string;
let keeper: LeaseKeeper;
let losses: string[];

beforeEach(async () => {
  daemon = new FakeDaemon();
  losses = [];
  url = await daemon.start();
  keeper = keeperOf('a1');
  daemon.can(RELEASE, { id: 'a1', released: true });
});
afterEach(() => daemon.stop());

function keeperOf(id: string): LeaseKeeper {
  return new LeaseKeeper({ url, lease: { kind: 'lease', id, token: 'secret', consumer: 'llm' }, ttlMs: TTL_MS, onLost: (message) => losses.push(message) });
}

const renewals = (id = 'a1') => daemon.asked.filter((question) => question === `PUT /v1/leases/${id}`).length;

/** Resolves when another lease has been renewed several times. */
async function otherRenewals(): Promise<void> {
  daemon.can('PUT /v1/leases/b2', {});
  const other = keeperOf('b2');
  other.start();
  await until(() => renewals('b2') === 3);
  await other.end();
}

test('a renewal that fails is tried again, and is no loss', async () => {
  daemon.can(RENEWAL, { error: 'paused', message: 'paused', retryable: true }, 503);
  keeper.start();
  await until(() => renewals() === 3);
  daemon.replies.set(RENEWAL, (_req, res) => res.destroy());
  await until(() => renewals() === 6);
  daemon.can(RENEWAL, { id: 'a1', expires_at: '2026-11-21T12:00:00Z' });
  await until(() => renewals() === 9);
  expect(await keeper.end()).toBeNull();
  expect(losses).toEqual([]);
});

test('a renewal has the token and the ttl', async () => {
  const seen = Promise.withResolvers<unknown[]>();
  daemon.replies.set(RENEWAL, (req, res) => {
    req.once('data', (chunk: Buffer) => seen.resolve([req.headers['x-gpu-lease'], JSON.parse(chunk.toString())]));
    res.end('{}');
  });
  keeper.start();
  expect(await seen.promise).toEqual(['secret', { ttl: 0.13 }]);
  await keeper.end();
});

test('a lease that is lost is told once and not renewed any more', async () => {
  daemon.can(RENEWAL, { error: 'lease_expired', message: 'there is no such lease', retryable: false }, 410);
  daemon.can(RELEASE, { error: 'lease_expired', message: 'there is no such lease', retryable: false }, 410);
  keeper.start();
  await until(() => losses.length > 0);
  const tried = renewals();
  await otherRenewals();
  expect(await keeper.end()).toBeNull();
  expect([losses, renewals()]).toEqual([['there is no such lease'], tried]);
});

test('the end does not wait for a renewal under way', async () => {
  const reached = Promise.withResolvers<void>();
  daemon.replies.set(RENEWAL, () => reached.resolve());
  keeper.start();
  await reached.promise;
  expect(await keeper.end()).toBeNull();
  expect(daemon.asked.at(-1)).toBe(RELEASE);
});

test('a lease that was given back is not renewed any more', async () => {
  keeper.start();
  await keeper.end();
  await otherRenewals();
  expect(renewals()).toBe(0);
});

test('a lease that could not be given back is told with its reason', async () => {
  daemon.can(RELEASE, { error: 'forbidden', message: 'not from there', retryable: false }, 403);
  expect(await keeper.end()).toBe('not from there');
  daemon.replies.set(RELEASE, (_req, res) => res.destroy());
  expect(await keeper.end()).toMatch(/^no answer from .*: socket hang up$/);
});
