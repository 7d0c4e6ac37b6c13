import { describe, expect, test } from '@jest/globals';
import { crossSiteFault, isOwnHost, isOwnOrigin } from '../../../lib/core/access.ts';

const NAMES = { hostName: 'gpubox', configured: ['tts.example.org'] };

describe('is ours:', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:8770',
    '192.168.1.20:8770',
    '100.100.1.2',
    '[::1]',
    '[::1]:8770',
    '[fd7a:115c:a1e0::1]:8770',
    'localhost',
    'localhost:8770',
    'localhost:65535',
    'LOCALHOST:8770',
    'gpubox',
    'GPUbox:8770',
    'gpubox.local',
    'gpubox.tail1234.ts.net:8770',
    'tts.example.org',
    'TTS.example.org:8770',
  ])('the host %s', (host) => {
    expect(isOwnHost(host, NAMES)).toBe(true);
  });
});

describe('is not ours:', () => {
  test.each([
    'evil.example',
    'evil.example:8770',
    'localhost.evil.example',
    'gpubox.evil.example',
    'gpubox.ts.net.evil.example',
    'evil.ts.net',
    'notgpubox.tail1234.ts.net',
    'other.local',
    'x.localhost',
    'example.org',
    'a.tts.example.org',
    '127.0.0.1.evil.example',
    'evil.127.0.0.1',
    'evil127.0.0.1',
    '127.0.0.1@evil.example',
    'localhost:8770:1',
    'localhost:x',
    '[::1',
    '[::::]',
    '[1:2:3]',
    '[127.0.0.1]',
    '999.1.1.1',
    '127.0.0.256:8770',
    'localhost:65536',
    '',
    ' localhost',
    'localhost, evil.example',
    'evil.example#localhost',
  ])('the host %j', (host) => {
    expect(isOwnHost(host, NAMES)).toBe(false);
  });
});

const HOST = 'gpubox:8770';
const NO_ORIGINS = new Set<string>();

describe('a program is let in', () => {
  test.each(['GET', 'POST', 'HEAD'])('with %s: it states neither origin nor site', (method) => {
    expect(crossSiteFault(method, { host: HOST }, NO_ORIGINS)).toBeNull();
  });
});

describe('a page of our own is let in', () => {
  test.each([
    { origin: 'http://gpubox:8770' },
    { origin: 'https://gpubox:8770' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
  ])('with %j', (headers) => {
    expect(crossSiteFault('POST', { host: HOST, ...headers }, NO_ORIGINS)).toBeNull();
  });
});

describe('a page of another site is refused', () => {
  test.each([
    ['POST', { origin: 'http://evil.example' }],
    ['GET', { origin: 'http://evil.example' }],
    ['POST', { origin: 'null' }],
    ['POST', { origin: 'http://gpubox' }],
    ['POST', { origin: ['http://gpubox:8770', 'http://evil.example'] }],
    ['POST', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['POST', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    ['POST', { 'sec-fetch-site': 'same-site' }],
  ])('%s with %j', (method, headers) => {
    expect(crossSiteFault(method, { host: HOST, ...headers }, NO_ORIGINS)).toMatch(/web page of another/);
  });

  test('unless somebody follows a link to us, which changes nothing', () => {
    for (const method of ['GET', 'HEAD']) {
      expect(crossSiteFault(method, { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, NO_ORIGINS)).toBeNull();
    }
  });

  test('also where the request names no host', () => {
    expect(crossSiteFault('POST', { origin: 'http://undefined' }, NO_ORIGINS)).not.toBeNull();
  });
});

describe('a page of a listed origin', () => {
  const ORIGINS = new Set(['https://chat.example', 'http://localhost:3000']);

  test.each([
    ['POST', { origin: 'https://chat.example' }],
    ['GET', { origin: 'http://localhost:3000' }],
    ['OPTIONS', { origin: 'https://chat.example', 'access-control-request-method': 'POST' }],
    ['POST', { origin: 'https://chat.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
  ])('is let in: %s with %j', (method, headers) => {
    expect(crossSiteFault(method, { host: HOST, ...headers }, ORIGINS)).toBeNull();
  });

  test('is let in also where the request names no host', () => {
    expect(crossSiteFault('POST', { origin: 'https://chat.example' }, ORIGINS)).toBeNull();
  });

  test.each([
    { origin: 'http://chat.example' },
    { origin: 'https://chat.example:8443' },
    { origin: 'https://chat.example.evil.example' },
    { origin: 'https://evil.chat.example' },
    { origin: 'https://chat.example/' },
    { origin: 'null' },
    { origin: '' },
    { origin: ['https://chat.example', 'https://chat.example'] },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
  ])('lets in no other: %j', (headers) => {
    expect(crossSiteFault('POST', { host: HOST, ...headers }, ORIGINS)).toMatch(/web page of another/);
  });
});

test('who is refused for its origin is told what would admit it', () => {
  expect(crossSiteFault('POST', { host: HOST, origin: 'https://chat.example' }, NO_ORIGINS)).toBe(
    'the request comes from a web page of another origin; to admit it, list it under access.origins',
  );
});

test.each([
  ['http://gpubox:8770', HOST, true],
  ['https://gpubox:8770', HOST, true],
  ['http://gpubox', HOST, false],
  ['ws://gpubox:8770', HOST, false],
  ['http://undefined', undefined, false],
  ['http://gpubox:8770', [HOST, HOST], false],
])('the origin %j at the host %j is our own: %j', (origin, host, expected) => {
  expect(isOwnOrigin(origin, host)).toBe(expected);
});
