import { expect, test } from '@jest/globals';
import { audioPath } from '../../../lib/core/audio-path.ts';

const OWN = 'http://127.0.0.1:8766';

test.each([
  ['/audio/a.wav', '/audio/a.wav'],
  ['audio/a.wav?x=1', '/audio/a.wav?x=1'],
  [`${OWN}/audio/a.wav`, '/audio/a.wav'],
])('%s is at the consumer', (url, path) => {
  expect(audioPath({ audio_url: url }, OWN)).toBe(path);
});

test.each<[unknown]>([
  ['http://127.0.0.1:8767/audio/a.wav'],
  ['https://127.0.0.1:8766/audio/a.wav'],
  ['http://localhost:8766/audio/a.wav'],
  ['//evil.example/a.wav'],
  ['\\\\evil.example\\a.wav'],
  ['http://user@127.0.0.1:8766/a.wav'],
  ['file:///etc/passwd'],
  ['http://['],
  [''],
  [7],
  [null],
])('%p is not', (url) => {
  expect(audioPath({ audio_url: url }, OWN)).toBeNull();
});

test.each<[unknown]>([[undefined], [[]], [{}], ['/audio/a.wav']])('an answer such as %p has no address', (document) => {
  expect(audioPath(document, OWN)).toBeNull();
});
