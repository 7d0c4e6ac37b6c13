import type { Kind } from '../config/types.ts';
import { tongueOfPath } from './tongue.ts';
import type { Tongue } from './tongue.ts';

/** A path of an API that others have made, at which the model in the body says who answers. */
export interface Operation {
  readonly path: string;
  /** Whose route serves a request that names no model. */
  readonly kind: Kind;
  readonly tongue: Exclude<Tongue, 'facade'>;
}

/** https://platform.openai.com/docs/api-reference and https://docs.anthropic.com/en/api/messages; rerank as Jina, vLLM and llama.cpp have it. */
export const OPERATIONS: readonly Operation[] = [
  { path: '/v1/chat/completions', kind: 'llm', tongue: 'openai' },
  { path: '/v1/completions', kind: 'llm', tongue: 'openai' },
  { path: '/v1/responses', kind: 'llm', tongue: 'openai' },
  { path: '/v1/embeddings', kind: 'llm', tongue: 'openai' },
  { path: '/v1/rerank', kind: 'llm', tongue: 'openai' },
  { path: '/v1/audio/speech', kind: 'tts', tongue: 'openai' },
  { path: '/v1/audio/transcriptions', kind: 'stt', tongue: 'openai' },
  { path: '/v1/audio/translations', kind: 'stt', tongue: 'openai' },
  { path: '/v1/images/generations', kind: 'image', tongue: 'openai' },
  { path: '/v1/images/edits', kind: 'image', tongue: 'openai' },
  { path: '/v1/messages', kind: 'llm', tongue: 'anthropic' },
  { path: '/v1/messages/count_tokens', kind: 'llm', tongue: 'anthropic' },
];

/** Paths at which OpenAI's clients read, and those of llama.cpp's router that Open WebUI calls. */
const OPENAI_READ = /^\/(?:v1\/)?models(?:\/|$)|^\/v1\/audio\/(?:voices|models)$/;
const NATIVE = /^\/(ollama|comfyui|upstream\/[^/]+)(\/.*)/;
const TONGUES: ReadonlyMap<string, Tongue> = new Map(OPERATIONS.map(({ path, tongue }) => [path, tongue]));

/** The tongue of a path, as far as the path alone tells. */
export function tongueAt(path: string): Tongue {
  const tongue = TONGUES.get(path);
  if (tongue !== undefined) return tongue;
  if (OPENAI_READ.test(path)) return 'openai';
  const [, door, inner = ''] = NATIVE.exec(path) ?? [];
  return door === undefined ? 'facade' : tongueOfPath(inner, door === 'ollama');
}
