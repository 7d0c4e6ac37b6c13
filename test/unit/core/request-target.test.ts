import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { faultOfPath, opaqueFrom, splitTarget } from '../../../lib/core/request-target.ts';
import { cases } from '../../support/cases.ts';

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
    '/..a;b/.a;',
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
    ['/audio/..;/x', 'dot segment'],
    ['/audio/.;a=b/x', 'dot segment'],
    ['/audio/..%3B/x', 'dot segment'],
    ['//evil/audio', 'empty segment'],
    ['/audio//x', 'empty segment'],
    ['/audio/%2e%2e/x', 'encoded'],
    ['/audio/%2E/x', 'encoded'],
    ['/audio%2fx', 'encoded'],
    ['/audio/%5c..', 'encoded'],
    ['/audio/%00', 'encoded'],
    ['/audio/%252e', 'encoded'],
    ['/audio/%c0%ae%c0%ae/x', 'encoded'],
    ['/audio/%C1%9C', 'encoded'],
    ['/audio/%e0%80%ae/x', 'encoded'],
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

describe('an encoded slash', () => {
  const faultAt = (path: string) => faultOfPath(path, opaqueFrom(path));

  test.each(['/comfyui/userdata/workflows%2Fx.json', '/upstream/a/x%2fy', '/ollama/a%2F', '/v1/models/org%2Fname'])('passes where it is no business of ours: %s', (path) => {
    expect(faultAt(path)).toBeNull();
  });

  test.each(['/comfyui%2Fx', '/upstream/a%2Fb/x', '/upstream%2Fa/x', '/v1%2Fmodels/x', '/audio/a%2Fb', '/v1/models%2Fx'])('is refused on the way there: %s', (path) => {
    expect(faultAt(path)).toContain('encoded');
  });

  test.each(['/comfyui/a%2F..%2Fb', '/comfyui/a%2F..', '/comfyui/..%2Fa', '/comfyui/a%2F.%2Fb', '/comfyui/a%2F%2Fb', '/comfyui/a%2F/b', '/comfyui/%2Fb'])(
    'hides neither dot segments nor empty ones: %s',
    (path) => {
      expect(faultAt(path)).toContain('segment');
    },
  );

  test.each(['/comfyui/%2e%2e', '/comfyui/a%5Cb', '/comfyui/a%00', '/comfyui/a%252Fb'])('brings no other trap with it: %s', (path) => {
    expect(faultAt(path)).toContain('encoded');
  });

  test('passes everywhere at a port of a consumer\'s own', () => {
    expect(faultOfPath('/userdata/a%2Fb', 0)).toBeNull();
    expect(faultOfPath('/userdata/..%2Fb', 0)).toContain('dot segment');
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
    { numRuns: cases(2000) },
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
