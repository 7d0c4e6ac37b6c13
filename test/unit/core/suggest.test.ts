import { describe, expect, test } from '@jest/globals';
import { editDistance, nearest, suggest } from '../../../lib/core/suggest.ts';

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
    ['ab', 'ca', 2],
    ['ab', 'bc', 2],
    ['abc', 'cde', 3],
  ])('from %j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('a suggestion', () => {
  test('is the nearest candidate', () => {
    expect(suggest('unlod', ['load', 'unload', 'paths'])).toBe('unload');
  });
  test('is the nearer of two, also where it comes later', () => {
    expect(suggest('abcdefghi', ['abcdefxyz', 'abcdefghx'])).toBe('abcdefghx');
  });
  test('may differ in one of each three letters of the shorter', () => {
    expect(suggest('stutas', ['status'])).toBe('status');
    expect(suggest('abcde', ['abcdefg'])).toBeNull();
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
    expect(suggest('a'.repeat(64), Array(200).fill('a'.repeat(63)))).toBe('a'.repeat(63));
  });
});

describe('the nearest names', () => {
  test.each<readonly [string, { readonly word: string; readonly candidates: readonly string[] }, readonly string[]]>([
    ['are those that the word is a part of', { word: 'qwen3', candidates: ['llama3.2', 'qwen3:8b', 'my-qwen3'] }, ['qwen3:8b', 'my-qwen3']],
    ['are those that are a part of the word', { word: 'qwen3:8b-q4', candidates: ['llama3.2', 'qwen3'] }, ['qwen3']],
    ['are those of which at least half is the same', { word: 'abcdefgh', candidates: ['abcdXXXX', 'abcXXXXX', 'abcdefXX', 'abcdXXXXX'] }, ['abcdefXX', 'abcdXXXX']],
    ['begin with the same name in other case', { word: 'Whisper-1', candidates: ['whisper-2', 'WHISPER-1', 'whisper'] }, ['WHISPER-1', 'whisper', 'whisper-2']],
    ['have a part before one that differs, however little', { word: 'gpt-4o-mini', candidates: ['gpt-4o-mimi', 'gpt'] }, ['gpt', 'gpt-4o-mimi']],
    ['have the part that more is left of first', { word: 'gpt-4o', candidates: ['gpt', 'gpt-4'] }, ['gpt-4', 'gpt']],
    ['have the part that more is left of before a longer name that has the word in it', { word: 'gpt-4o', candidates: ['gpt-4o-mini-long', 'gpt-4'] }, ['gpt-4', 'gpt-4o-mini-long']],
    ['of equally near ones keep their order', { word: 'tta', candidates: ['tts', 'ttb'] }, ['tts', 'ttb']],
    ['do not have one letter as a part', { word: 'abcdef', candidates: ['a', 'b'] }, []],
    ['are none where nothing is alike', { word: 'kangaroo', candidates: ['gpt-4o', 'llama'] }, []],
    ['are none of an empty word', { word: '', candidates: ['a', 'gpt-4o'] }, []],
  ])('%s', (_name, { word, candidates }, names) => {
    expect(nearest(word, candidates)).toEqual(names);
  });

  test('are not looked for where that would take long', () => {
    expect(nearest('a'.repeat(65), ['a'.repeat(64)])).toEqual([]);
    expect(nearest('a'.repeat(64), ['a'.repeat(65), 'a'.repeat(63)])).toEqual(['a'.repeat(63)]);
    expect(nearest('a'.repeat(63), ['a'.repeat(64)])).toEqual(['a'.repeat(64)]);
    expect(nearest('ab', [...Array<string>(200).fill('xy'), 'ab'])).toEqual([]);
  });
});
