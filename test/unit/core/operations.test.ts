import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../lib/config/types.ts';
import { OPERATIONS, tongueAt } from '../../../lib/core/operations.ts';

describe('the operations', () => {
  test('are each there once, under /v1/, and of a kind that there is', () => {
    const paths = OPERATIONS.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    for (const { path, kind } of OPERATIONS) {
      expect(path).toMatch(/^\/v1\/[a-z_/]+[a-z]$/);
      expect(KINDS).toContain(kind);
    }
  });

  test.each(OPERATIONS)('$path answers errors as the clients of $tongue read them', ({ path, tongue }) => {
    expect(tongueAt(path)).toBe(tongue);
    expect(tongue).toBe(path.startsWith('/v1/messages') ? 'anthropic' : 'openai');
  });

  test.each([
    ['/v1/audio/speech', 'tts'],
    ['/v1/audio/transcriptions', 'stt'],
    ['/v1/audio/translations', 'stt'],
    ['/v1/images/generations', 'image'],
    ['/v1/images/edits', 'image'],
    ['/v1/chat/completions', 'llm'],
    ['/v1/completions', 'llm'],
    ['/v1/responses', 'llm'],
    ['/v1/embeddings', 'llm'],
    ['/v1/rerank', 'llm'],
    ['/v1/messages', 'llm'],
    ['/v1/messages/count_tokens', 'llm'],
  ])('without a model %s is a request for %s', (path, kind) => {
    expect(OPERATIONS.find((operation) => operation.path === path)?.kind).toBe(kind);
  });
});

describe('the tongue at', () => {
  test.each([
    ['/v1/models', 'openai'],
    ['/v1/models/org/name', 'openai'],
    ['/models', 'openai'],
    ['/models/load', 'openai'],
    ['/v1/audio/voices', 'openai'],
    ['/v1/audio/models', 'openai'],
    ['/ollama/api/chat', 'ollama'],
    ['/ollama/v1/chat/completions', 'openai'],
    ['/ollama/v1/messages', 'anthropic'],
    ['/comfyui/api/prompt', 'facade'],
    ['/comfyui/v1/models', 'openai'],
    ['/upstream/llama/v1/messages/count_tokens', 'anthropic'],
    ['/upstream/llama/v1/embeddings', 'openai'],
    ['/upstream/ollama/api/chat', 'facade'],
  ])('%s is that of %s', (path, tongue) => {
    expect(tongueAt(path)).toBe(tongue);
  });

  test.each([
    '/',
    '/v1/llm',
    '/v1/tts',
    '/v1/status',
    '/v1/consumers/a/load',
    '/v1/modelsx',
    '/v1/chat/completions/',
    '/v1/audio/voices/x',
    '/x/v1/audio/voices',
    '/modelsx',
    '/audio/x.wav',
    '/ollama',
    '/ollamax/api/chat',
    '/upstream',
    '/upstream/llama',
    '/upstream//v1/models',
    '/x/ollama/api/chat',
  ])('%s is our own', (path) => {
    expect(tongueAt(path)).toBe('facade');
  });
});
