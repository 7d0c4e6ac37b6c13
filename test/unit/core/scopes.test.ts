import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { scopeForOthers, scopeNeeded } from '../../../lib/core/scopes.ts';
import { ROUTES } from '../../support/routes.ts';

const PLAIN = { isOwnPort: false, hasLeaseToken: false };
const needs = (start: string, more: Partial<Parameters<typeof scopeNeeded>[0]> = {}) => {
  const [method = '', target = ''] = start.split(' ');
  return scopeNeeded({ ...PLAIN, method, path: target.split('?')[0] ?? '', ...more });
};

test.each(ROUTES)('$start needs $scope', ({ start, scope }) => {
  expect(needs(start)).toBe(scope);
});

test('every route of lib/server.ts is in that list, and no others are', () => {
  const source = readFileSync(join(import.meta.dirname, '..', '..', '..', 'lib', 'server.ts'), 'utf8');
  const written = [...source.matchAll(/\bapp\.(?:route|all|get|put|post|patch|delete)\((\[[^\]]*\]|\/.*?\/(?=[,)])|[^,)]+)[,)]/g)].flatMap(([, first = '']) => {
    return first.startsWith('[') ? first.slice(1, -1).split(', ') : [first];
  });
  const routes = new Set(written.map((route) => route.replace(/^['`]|['`]$/g, '')));
  expect(routes.size).toBeGreaterThan(15);
  expect([...routes].toSorted()).toEqual([...new Set(ROUTES.map(({ route }) => route))].filter((route) => route !== '').toSorted());
});

test.each(['GET /x/v1/leases', 'DELETE /x/v1/leases/y', 'POST /x/v1/pause', 'POST /x/models/load', 'GET /models/loaded', 'GET /v1/leasesx', 'DELETE /x/v1/queue/y', 'GET /x/ui', 'GET /uix'])('%s only looks like something that needs more', (start) => {
  expect(needs(start)).toBe('read');
});

describe('what others have asked for', () => {
  test.each(['GET', 'POST', 'DELETE'])('is touched by %s of an entry of the queue, which needs admin', (method) => {
    expect(scopeForOthers({ ...PLAIN, method, path: '/v1/queue/x' })).toBe('admin');
  });

  test.each(['GET /v1/queue', 'GET /v1/queue/', 'GET /x/v1/queue/y', 'OPTIONS /v1/queue/x', 'GET /v1/status'])('makes no difference to %s', (start) => {
    const [method = '', path = ''] = start.split(' ');
    expect(scopeForOthers({ ...PLAIN, method, path })).toBeNull();
  });

  test('is nowhere at a port of a consumer\'s own', () => {
    expect(scopeForOthers({ ...PLAIN, method: 'DELETE', path: '/v1/queue/x', isOwnPort: true })).toBeNull();
  });
});

describe('a lease', () => {
  test('is given back with its token by whoever may infer', () => {
    expect(needs('DELETE /v1/leases/x', { hasLeaseToken: true })).toBe('infer');
  });
});

describe('a port of a consumer\'s own', () => {
  test.each([
    ['GET /healthz', 'infer'],
    ['POST /v1/pause', 'infer'],
    ['GET /v1/status', 'infer'],
    ['OPTIONS /x', 'infer'],
    ['DELETE /healthz', 'admin'],
    ['MOVE /x', 'admin'],
  ])('has nothing of ours: %s needs %s', (start, scope) => {
    expect(needs(start, { isOwnPort: true })).toBe(scope);
  });
});
