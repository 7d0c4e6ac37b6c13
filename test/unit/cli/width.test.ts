import { describe, expect, test } from '@jest/globals';
import { cells, cut, fitted } from '../../../lib/cli/width.ts';

describe('the cells of a text', () => {
  test.each([
    ['', 0],
    ['plain', 5],
    ['größer', 6],
    ['gro\u0308ßer', 6],
    ['日本語', 6],
    ['한국', 4],
    ['ｗｉｄｅ', 8],
    ['🎨', 2],
    ['👩‍👩‍👧', 2],
    ['❤️', 2],
    ['█▓▒░·…–', 7],
    ['a\u200bb', 2],
  ])('%j takes %d', (text, wanted) => {
    expect(cells(text)).toBe(wanted);
  });
});

describe('a text that is cut', () => {
  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['abc', 0, ''],
    ['👩‍👩‍👧x', 2, '…'],
  ])('%j to %d cells is %j', (text, width, wanted) => {
    expect(cut(text, width)).toBe(wanted);
    expect(cells(cut(text, width))).toBeLessThanOrEqual(width);
  });

  test('is filled up to the width', () => {
    expect(fitted('日本', 6)).toBe('日本  ');
    expect(fitted('日本語', 4)).toBe('日… ');
  });
});
