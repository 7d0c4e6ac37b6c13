import { expect, test } from '@jest/globals';
import { isTranslated } from '../../../lib/core/translations.ts';

const PATHS = ['/v1/chat/completions', '/v1/audio/speech', '/v1/audio/transcriptions', '/v1/audio/translations', '/v1/images/generations', '/v1/images/edits'];

test.each([
  ['openai', []],
  ['mvoice', ['/v1/audio/speech']],
  ['whisper.cpp', ['/v1/audio/transcriptions', '/v1/audio/translations']],
  ['comfyui', ['/v1/images/generations']],
] as const)('for %s these are translated: %p', (style, translated) => {
  expect(PATHS.filter((path) => isTranslated(style, path))).toEqual(translated);
});
