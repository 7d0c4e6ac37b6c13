import { describe, expect, test } from '@jest/globals';
import { credentialsIn } from '../../../lib/core/credentials.ts';

describe('a key is found', () => {
  test.each([
    ['authorization', 'Bearer k', ['k']],
    ['authorization', 'bearer   k ', ['k']],
    ['authorization', 'k', ['k']],
    ['authorization', 'my bearer k', ['my bearer k']],
    ['x-api-key', 'k', ['k']],
    ['x-api-key', 'a, k', ['a, k', 'a', 'k']],
    ['x_api_key', 'k', ['k']],
    ['authorization', 'Basic dTpw', ['Basic dTpw']],
  ])('in %s: %s', (header, value, texts) => {
    expect(credentialsIn({ host: 'x', [header]: value })).toEqual([{ header, texts }]);
  });

  test('nowhere else, and not in an empty header', () => {
    expect(credentialsIn({ cookie: 'k', 'x-key': 'k', 'x-api-key': '', authorization: ' ' })).toEqual([]);
  });

  test('in a bounded number of parts', () => {
    expect(credentialsIn({ 'x-api-key': 'k,'.repeat(8000) })[0]?.texts.length).toBeLessThan(6);
  });
});
