import { describe, expect, test } from '@jest/globals';
import { crossSiteFault, isOwnHost } from '../../../lib/core/access.ts';

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
    '127.0.0.1@evil.example',
    'localhost:8770:1',
    'localhost:x',
    '[::1',
    '',
    ' localhost',
    'localhost, evil.example',
    'evil.example#localhost',
  ])('the host %j', (host) => {
    expect(isOwnHost(host, NAMES)).toBe(false);
  });
});

const HOST = 'gpubox:8770';

describe('a program is let in', () => {
  test.each(['GET', 'POST', 'HEAD'])('with %s: it states neither origin nor site', (method) => {
    expect(crossSiteFault(method, { host: HOST })).toBeNull();
  });
});

describe('a page of our own is let in', () => {
  test.each([
    { origin: 'http://gpubox:8770' },
    { origin: 'https://gpubox:8770' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
  ])('with %j', (headers) => {
    expect(crossSiteFault('POST', { host: HOST, ...headers })).toBeNull();
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
    expect(crossSiteFault(method, { host: HOST, ...headers })).toMatch(/web page of another/);
  });

  test('unless somebody follows a link to us, which changes nothing', () => {
    for (const method of ['GET', 'HEAD']) {
      expect(crossSiteFault(method, { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBeNull();
    }
  });

  test('also where the request names no host', () => {
    expect(crossSiteFault('POST', { origin: 'http://undefined' })).not.toBeNull();
  });
});
