import type { PathStyle } from '../config/types.ts';

/** An OpenAI path that is translated for servers which have a path of their own for the same. */
export type TranslatedOperation = '/v1/audio/speech' | '/v1/audio/transcriptions' | '/v1/audio/translations' | '/v1/images/generations';

const TRANSLATED: Readonly<Record<PathStyle, readonly TranslatedOperation[]>> = {
  openai: [],
  mvoice: ['/v1/audio/speech'],
  'whisper.cpp': ['/v1/audio/transcriptions', '/v1/audio/translations'],
  comfyui: ['/v1/images/generations'],
};

/** Whether a style translates an operation. */
export function isTranslated(style: PathStyle, path: string): path is TranslatedOperation {
  return TRANSLATED[style].some((each) => each === path);
}
