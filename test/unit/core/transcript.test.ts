import { describe, expect, test } from '@jest/globals';
import { transcriptOf } from '../../../lib/core/transcript.ts';

const word = (text: string, start: number) => ({ word: text, start, end: start + 1, t_dtw: -1, probability: 0.9 });
const segment = { id: 0, text: ' Good day.', start: 0, end: 3, tokens: [1, 2], temperature: 0.2, avg_logprob: -0.3, no_speech_prob: 0.01 };
const said = { task: 'transcribe', language: 'english', duration: 3, text: ' Good day.\n', segments: [{ ...segment, words: [word(' Good', 0), word(' da', 1), word('y', 2), word('.', 3)] }] };
const words = (pieces: readonly string[]) => {
  const document = { ...said, segments: [{ words: pieces.map(word) }] };
  return transcriptOf(document, { format: 'verbose_json', withWords: true })?.['words'];
};

test('the text stands alone without space around it', () => {
  expect(transcriptOf({ text: ' Good day.\n' }, { format: 'json', withWords: false })).toEqual({ text: 'Good day.' });
});

test('a verbose one has all that OpenAI has, and null for what is not known', () => {
  expect(transcriptOf(said, { format: 'verbose_json', withWords: false })).toEqual({
    task: 'transcribe',
    language: 'english',
    duration: 3,
    text: 'Good day.',
    segments: [{ ...segment, seek: 0, compression_ratio: null }],
  });
});

test('a segment that says nothing of itself has its number, and no text', () => {
  const unknown = { start: null, end: null, temperature: null, avg_logprob: null, compression_ratio: null, no_speech_prob: null };
  expect(transcriptOf({ text: 'a', segments: [{}] }, { format: 'verbose_json', withWords: false })).toEqual({
    task: null,
    language: null,
    duration: null,
    text: 'a',
    segments: [{ id: 0, seek: 0, text: '', tokens: [], ...unknown }],
  });
});

describe('words', () => {
  test('are put together from their parts, with the times of all of them', () => {
    expect(transcriptOf(said, { format: 'verbose_json', withWords: true })?.['words']).toEqual([
      { word: 'Good', start: 0, end: 1 },
      { word: 'day.', start: 1, end: 4 },
    ]);
  });

  test('stand for themselves in a script without spaces', () => {
    expect(words(['こん', 'にちは'])).toEqual([{ word: 'こん', start: 0, end: 1 }, { word: 'にちは', start: 1, end: 2 }]);
  });

  test('go on where only a later letter is of such a script, each with the one before it', () => {
    expect(words([' a', 'bこ', ' c', 'd', ' e'])).toMatchObject([{ word: 'abこ' }, { word: 'cd' }, { word: 'e' }]);
  });

  test('do not go on from one segment into the next', () => {
    const document = { ...said, segments: [{ words: [word(' a', 0)] }, { words: [word('b', 1)] }] };
    expect(transcriptOf(document, { format: 'verbose_json', withWords: true })?.['words']).toMatchObject([{ word: 'a' }, { word: 'b' }]);
  });

  test('that are none are left out', () => {
    expect(words([' '])).toEqual([]);
    const odd = [null, 'x', { word: 'x', start: 0 }, { word: 'x', end: 1 }, { start: 0, end: 1 }, { word: 7, start: 0, end: 1 }, { word: 'x', start: '0', end: 1 }];
    expect(transcriptOf({ ...said, segments: [{ words: [...odd, word('a', 0)] }] }, { format: 'verbose_json', withWords: true })).toMatchObject({ words: [{ word: 'a', start: 0, end: 1 }] });
    expect(transcriptOf({ ...said, segments: [{ words: [{ word: 'x' }, 5] }, {}] }, { format: 'verbose_json', withWords: true })).toMatchObject({ words: [] });
  });
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['a list', []],
  ['no text', {}],
  ['a text that is none', { text: 5 }],
])('%s is not understood', (_, document) => {
  expect(transcriptOf(document, { format: 'json', withWords: false })).toBeNull();
});

test.each<[string, unknown]>([
  ['without segments', { text: 'a' }],
  ['with segments that are none', { text: 'a', segments: [5] }],
  ['with one segment that is none', { text: 'a', segments: [{}, 5] }],
])('a verbose one %s is not understood', (_, document) => {
  expect(transcriptOf(document, { format: 'verbose_json', withWords: false })).toBeNull();
});
