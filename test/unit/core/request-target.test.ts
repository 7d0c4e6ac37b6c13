import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { faultOfPath, splitTarget } from '../../../lib/core/request-target.ts';

describe('a plain path passes:', () => {
  test.each([
    '/',
    '/v1/tts',
    '/audio/a-b_c.wav',
    '/audio/',
    '/audio/%C3%A9.wav',
    '/audio/a%20b',
    "/a;b=1,2/@:!$&'()*+~",
    '/...',
    '/a./b.',
    '/.hidden',
  ])('%j', (path) => {
    expect(faultOfPath(path)).toBeNull();
  });
});

describe('refused, because two servers may read it as two different paths:', () => {
  test.each([
    ['', 'starts with /'],
    ['*', 'starts with /'],
    ['http://evil/v1/tts', 'starts with /'],
    ['v1/tts', 'starts with /'],
    ['/audio/../v1', 'dot segment'],
    ['/..', 'dot segment'],
    ['/audio/.', 'dot segment'],
    ['/audio/./x', 'dot segment'],
    ['//evil/audio', 'empty segment'],
    ['/audio//x', 'empty segment'],
    ['/audio/%2e%2e/x', 'encoded'],
    ['/audio/%2E/x', 'encoded'],
    ['/audio%2fx', 'encoded'],
    ['/audio/%5c..', 'encoded'],
    ['/audio/%00', 'encoded'],
    ['/audio/%252e', 'encoded'],
    ['/audio/%', 'not followed by two'],
    ['/audio/%g0', 'not followed by two'],
    ['/audio/%2', 'not followed by two'],
    ['/audio\\x', 'percent-encoded'],
    ['/audio/a b', 'percent-encoded'],
    ['/audio/é', 'percent-encoded'],
    ['/audio/\u0000', 'percent-encoded'],
    ['/audio/\r\nX: y', 'percent-encoded'],
    ['/audio/<x>', 'percent-encoded'],
    ['/audio/"x"', 'percent-encoded'],
    ['/audio/{x}|^`', 'percent-encoded'],
    ['/audio/x#y', 'percent-encoded'],
  ])('%j (%s)', (path, reason) => {
    expect(faultOfPath(path)).toContain(reason);
  });
});

test('a path that passes is read by URL as it stands', () => {
  const tricky = fc.string({ unit: fc.constantFrom('/', '.', '%', '2', 'e', 'f', 'E', 'F', '5', 'c', '0', 'a', '\\', '?', '#', ' ', '\t', '@', ':') });
  fc.assert(
    fc.property(tricky, (text) => {
      const { path } = splitTarget(`/${text}`);
      if (faultOfPath(path) !== null) return;
      expect(new URL(`http://consumer${path}`).pathname).toBe(path);
    }),
    { numRuns: 2000 },
  );
});

describe('a target is split at its first question mark', () => {
  test.each([
    ['/a', { path: '/a', query: '' }],
    ['/a?', { path: '/a', query: '?' }],
    ['/a?b=1&c=%2F', { path: '/a', query: '?b=1&c=%2F' }],
    ['/a?b?c', { path: '/a', query: '?b?c' }],
    ['?x', { path: '', query: '?x' }],
  ])('%j', (target, parts) => {
    expect(splitTarget(target)).toEqual(parts);
  });

  test('and path and query are the target again', () => {
    fc.assert(
      fc.property(fc.string(), (target) => {
        const { path, query } = splitTarget(target);
        expect(path + query).toBe(target);
        expect(path).not.toContain('?');
      }),
    );
  });
});
