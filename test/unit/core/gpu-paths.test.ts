import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { usesGpu } from '../../../lib/core/gpu-paths.ts';
import { cases } from '../../support/cases.ts';

const OLLAMA = ['POST /api/generate', 'POST /api/chat', '* /v1/*', 'GET /render'];

describe('the card is used by', () => {
  test.each([
    ['POST', '/api/generate'],
    ['POST', '/v1/chat/completions'],
    ['PATCH', '/v1/x'],
    ['GET', '/render'],
    ['HEAD', '/render'],
  ])('what is listed: %s %s', (method, path) => {
    expect(usesGpu(OLLAMA, method, path)).toBe(true);
  });

  test.each([
    ['GET', '/api/generate'],
    ['POST', '/api/generated'],
    ['POST', '/api'],
    ['POST', '/'],
    ['POST', '/v1x'],
    ['POST', '/x/api/generate'],
    ['OPTIONS', '/api/generate'],
    ['OPTIONS', '/v1/x'],
  ])('nothing else: %s %s', (method, path) => {
    expect(usesGpu(OLLAMA, method, path)).toBe(false);
  });

  test.each([
    '/API/Generate',
    '/api/generate/',
    '/%61pi/gener%61te',
    '/api%2Fgenerate',
    '/api%2fgenerate%2f',
    '/api/generate;x=1',
    '/api;v=2/generate',
    '/api/generate%3Bx',
    '/api/generate/;x',
    '/;x/api/generate',
    '/x/..;/api/generate',
    '/x%2F..;y%2Fapi/.;/generate',
  ])('what some server may read as listed: %s', (path) => {
    expect(usesGpu(OLLAMA, 'POST', path)).toBe(true);
    expect(usesGpu(OLLAMA, 'GET', path)).toBe(false);
  });

  test('the root of a listed tree, with its slash and without', () => {
    for (const path of ['/v1/', '/v1', '/V1;x']) expect(usesGpu(OLLAMA, 'GET', path)).toBe(true);
  });

  test('a path that cannot be read, if any path of that method is', () => {
    for (const path of ['/%ff', '/api/%C3%28']) {
      expect(usesGpu(['POST /api/generate'], 'POST', path)).toBe(true);
      expect(usesGpu(['POST /api/generate'], 'GET', path)).toBe(false);
      expect(usesGpu([], 'POST', path)).toBe(false);
    }
  });

  test('everything of a method, or nothing', () => {
    for (const path of ['/', '/a', '/a/b%20c']) {
      expect(usesGpu(['POST /*'], 'POST', path)).toBe(true);
      expect(usesGpu(['POST /*'], 'GET', path)).toBe(false);
      expect(usesGpu([], 'POST', path)).toBe(false);
    }
  });

  test('a listed path whatever the letters in which either is written', () => {
    expect(usesGpu(['POST /SDAPI/v1/Txt2Img', 'POST /Tree/*'], 'POST', '/sdapi/v1/txt2img')).toBe(true);
    expect(usesGpu(['POST /Tree/*'], 'POST', '/tREE/x')).toBe(true);
  });
});

test('no way of writing a listed path makes it an unlisted one', () => {
  const letter = (char: string) => fc.constantFrom(char, char.toUpperCase(), `%${char.charCodeAt(0).toString(16)}`);
  const spelled = (text: string) => fc.tuple(...text.split('').map(letter)).map((letters) => letters.join(''));
  const slash = fc.constantFrom('/', '%2f', '%2F', ';a/', '/;b/', '/.;/', '/x/..;/');
  const path = fc.tuple(spelled('api'), slash, spelled('chat'), fc.constantFrom('', '/', '%2F', ';', ';x=/', '/;'));
  fc.assert(fc.property(path, (parts) => usesGpu(OLLAMA, 'POST', `/${parts.join('')}`)), { numRuns: cases(500) });
});
