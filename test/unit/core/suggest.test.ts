import { describe, expect, test } from '@jest/globals';
import { editDistance, suggest } from '../../../lib/core/suggest.ts';

describe('the edit distance', () => {
  test.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['unlod', 'unload', 1],
    ['stutas', 'status', 2],
    ['cehck', 'check', 1],
    ['kitten', 'sitting', 3],
  ])('from %j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('a suggestion', () => {
  test('is the nearest candidate', () => {
    expect(suggest('unlod', ['load', 'unload', 'paths'])).toBe('unload');
  });
  test('ignores case', () => {
    expect(suggest('posT', ['GET', 'POST'])).toBe('POST');
  });
  test('of equally near candidates is the first', () => {
    expect(suggest('tta', ['tts', 'ttb'])).toBe('tts');
  });
  test('is not made for a word that is nothing like a candidate', () => {
    expect(suggest('kangaroo', ['listen', 'gpu'])).toBeNull();
  });
  test('is never the word itself', () => {
    expect(suggest('gpu', ['gpu'])).toBeNull();
  });
  test('is not made for very long words and lists, which would take long', () => {
    expect(suggest('a'.repeat(65), ['a'.repeat(64)])).toBeNull();
    expect(suggest('aa', Array(201).fill('ab'))).toBeNull();
  });
});
