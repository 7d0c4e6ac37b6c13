import { describe, expect, test } from '@jest/globals';
import type { Scope } from '../../../lib/config/types.gen.ts';
import { isFromPage, peerBehind, rightsFault, rightsWithoutKey } from '../../../lib/core/rights.ts';
import type { Caller } from '../../../lib/core/rights.ts';

const PROGRAM: Caller = { peer: 'loopback', isPage: false, loginScopes: [] };
const rights = (caller: Partial<Caller>, hasKeys: boolean) => [...rightsWithoutKey({ ...PROGRAM, ...caller }, hasKeys)].toSorted();

describe('without a key', () => {
  test.each<[string, Partial<Caller>, readonly (readonly Scope[])[]]>([
    ['a program on the machine itself', {}, [['admin', 'infer', 'read'], ['admin', 'infer', 'read']]],
    ['a browser on the machine itself', { isPage: true }, [['infer', 'read'], ['infer', 'read']]],
    ['a tailnet peer', { peer: 'tailscale' }, [['infer', 'read'], ['infer', 'read']]],
    ['any other peer', { peer: 'other' }, [['infer', 'read'], []]],
    ['a Tailscale user with admin', { peer: 'tailscale', loginScopes: ['admin'] }, [['admin', 'infer', 'read'], ['admin', 'infer', 'read']]],
    ['that user in a browser', { peer: 'tailscale', loginScopes: ['admin'], isPage: true }, [['infer', 'read'], ['infer', 'read']]],
    ['a proxy on that user\'s machine', { peer: 'other', loginScopes: ['admin'] }, [['infer', 'read'], []]],
  ])('%s', (_who, caller, withoutAndWithKeys) => {
    expect([rights(caller, false), rights(caller, true)]).toEqual(withoutAndWithKeys);
  });
});

describe('a browser', () => {
  test.each([{ origin: 'http://localhost' }, { referer: 'http://x/' }, { 'sec-fetch-site': 'none' }, { 'sec-fetch-user': '?1' }, { 'sec-fetch-dest': 'image' }, { 'sec-fetch-model': 'x' }])('is known by %j', (headers) => {
    expect(isFromPage({ host: 'localhost', ...headers })).toBe(true);
  });
  test('is not every program that has a user agent', () => {
    expect(isFromPage({ host: 'localhost', 'user-agent': 'Mozilla/5.0', accept: '*/*', cookie: 'a=b', 'sec-fetch-mode': 'cors' })).toBe(false);
  });
  test.each(['x-origin', 'some-origin', 'origin-of-request', 'x-referer', 'refererless', 'x-sec-fetch-site'])('is not known by %s', (name) => {
    expect(isFromPage({ [name]: 'x' })).toBe(false);
  });
});

describe('what a proxy has passed on', () => {
  test.each(['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'tailscale-user-login'])('is known by %s, and comes from somebody else', (name) => {
    expect(peerBehind('loopback', { host: 'localhost', [name]: '127.0.0.1' })).toBe('other');
    expect(peerBehind('tailscale', { [name]: 'admin@x' })).toBe('other');
  });
  test('is nothing else', () => {
    expect(peerBehind('loopback', { host: 'localhost', 'x-request-id': 'a', viable: 'x', 'x-via': 'x', 'not-forwarded': 'x', 'forwarded-by': 'x' })).toBe('loopback');
  });
});

describe('the refusal', () => {
  const keyScopes = new Set<Scope>(['infer', 'admin']);
  test('of a key that lacks the scope names the key, what it may and what is needed', () => {
    const fault = rightsFault('admin', { key: { name: 'laptop', scopes: ['infer', 'read'] }, hasSent: true, keyScopes });
    expect(fault).toEqual({ type: 'lacking', message: expect.stringMatching(/laptop may infer, read; this needs the scope admin/) });
  });
  test('of an unknown key says that it is unknown', () => {
    expect(rightsFault('admin', { key: null, hasSent: true, keyScopes })).toEqual({ type: 'stranger', message: expect.stringContaining('not known here') });
  });
  test('of no key says how one is sent, if one has the scope', () => {
    expect(rightsFault('infer', { key: null, hasSent: false, keyScopes })).toEqual({ type: 'stranger', message: expect.stringContaining('Authorization: Bearer KEY') });
  });
  test.each<[Scope, RegExp]>([
    ['infer', /or ask from the machine itself or its tailnet$/],
    ['admin', /or ask with a program on the machine itself$/],
  ])('of no key says also from where %s needs none', (scope, way) => {
    expect(rightsFault(scope, { key: null, hasSent: false, keyScopes }).message).toMatch(way);
    expect(rightsFault(scope, { key: null, hasSent: false, keyScopes: new Set() }).message).toMatch(way);
  });
  test.each([[false], [true]])('where no key would help says what to configure (sent: %j)', (hasSent) => {
    expect(rightsFault('admin', { key: null, hasSent, keyScopes: new Set() })).toEqual({ type: 'lacking', message: expect.stringMatching(/access\.keys.*on the machine itself/) });
  });
});
