import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { corsHeaders, isPreflight, preflightHeaders } from '../../../lib/core/cors.ts';
import { anyCharacter } from '../../support/any-character.ts';

const ORIGIN = 'https://chat.example';

describe('an answer to a page of a listed origin', () => {
  test('names that origin, never all, and says that it differs by origin', () => {
    expect(corsHeaders(ORIGIN)).toMatchObject({ 'Access-Control-Allow-Origin': ORIGIN, Vary: 'Origin' });
  });

  test('lets it read what we add, and sends no cookies along', () => {
    const headers = corsHeaders(ORIGIN);
    for (const name of ['X-Request-Id', 'X-Consumer', 'Server-Timing', 'Retry-After', 'retry-after-ms', 'x-should-retry']) {
      expect(headers['Access-Control-Expose-Headers']?.split(', ')).toContain(name);
    }
    expect(headers).not.toHaveProperty('Access-Control-Allow-Credentials');
  });
});

test.each([
  ['OPTIONS', { 'access-control-request-method': 'POST' }, true],
  ['OPTIONS', { 'access-control-request-method': '' }, true],
  ['OPTIONS', { origin: ORIGIN }, false],
  ['POST', { 'access-control-request-method': 'POST' }, false],
])('%s with %j asks beforehand: %j', (method, headers, expected) => {
  expect(isPreflight(method, headers)).toBe(expected);
});

describe('a page that asks beforehand', () => {
  test('is told the methods, and for how long that counts', () => {
    expect(preflightHeaders({})).toEqual({ 'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE', 'Access-Control-Max-Age': '600' });
  });

  test.each(['authorization', 'content-type,x-stainless-timeout', 'Content-Type, X-GPU-Lease', "x-a!#$%&'*+.^_`|~1", 'x'.repeat(1000)])('may send the headers %j', (names) => {
    expect(preflightHeaders({ 'access-control-request-headers': names })['Access-Control-Allow-Headers']).toBe(names);
  });

  test.each(['', 'a: b', 'a\r\nSet-Cookie: x', 'a;b', 'ä', 'x'.repeat(1001)])('that asks for %j is told nothing of headers', (names) => {
    expect(preflightHeaders({ 'access-control-request-headers': names })).not.toHaveProperty('Access-Control-Allow-Headers');
  });

  test('that asks twice is told nothing of headers', () => {
    expect(preflightHeaders({ 'access-control-request-headers': ['a', 'b'] })).not.toHaveProperty('Access-Control-Allow-Headers');
  });

  test.each([
    ['true', 'true'],
    ['false', undefined],
    [undefined, undefined],
  ])('from the internet for a private address with %j is answered with %j', (asked, told) => {
    expect(preflightHeaders({ 'access-control-request-private-network': asked })['Access-Control-Allow-Private-Network']).toBe(told);
  });

  test('gets only values that a header may have, whatever it sends', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (names) => {
        for (const value of Object.values(preflightHeaders({ 'access-control-request-headers': names }))) expect(value).toMatch(/^[\x20-\x7e]+$/);
      }),
    );
  });
});
