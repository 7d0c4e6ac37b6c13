import { describe, expect, test } from '@jest/globals';
import { presetNames, readPreset } from '../../../lib/config/presets.ts';
import type { ConsumerConfig, Hook } from '../../../lib/config/types.ts';
import { usesGpu } from '../../../lib/core/gpu-paths.ts';
import { configOf } from './support.ts';

const NAMES = presetNames();

/** A request of the broker to a consumer, as `METHOD /path`. */
type Call = string;

/** The preset as a consumer, all its variables given. */
function consumer(name: string): ConsumerConfig {
  const variables = Object.fromEntries(readPreset(name).variables.map((variable) => [variable.name, 'given']));
  const found = configOf(`consumers: { x: { preset: ${name}, variables: ${JSON.stringify(variables)} } }\n`).consumers.get('x');
  if (found === undefined) throw new Error('no consumer x');
  return found;
}

function callOf(hook: Hook | null): Call[] {
  return hook?.type === 'http' ? [`${hook.method} ${pathOf(hook.path)}`] : [];
}

function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? '';
}

/** What makes the card work. */
function working({ paths, load }: ConsumerConfig): Call[] {
  return [...Object.values(paths).map(({ method, path }) => `${method} ${path}`), ...callOf(load)];
}

/** What looks, frees or cancels. An unload may be asked for at the path of the load. */
function looking({ health, residency, busy, completion, load, unload, cancel }: ConsumerConfig): Call[] {
  const asked = [residency?.path, busy?.path, completion?.path].filter((path) => path !== undefined).map((path) => `GET ${pathOf(path)}`);
  const [loads] = callOf(load);
  const cancels = cancel.map(({ method, path }) => `${method} ${pathOf(path)}`);
  return [`${health.method} ${pathOf(health.path)}`, ...asked, ...callOf(unload).filter((call) => call !== loads), ...cancels];
}

function gated({ gpu_paths: patterns }: ConsumerConfig, calls: readonly Call[]): Call[] {
  return calls.filter((call) => {
    const [method = '', path = ''] = call.split(' ');
    return usesGpu(patterns, method, path);
  });
}

describe.each(NAMES)('the preset %s', (name) => {
  test('says itself which requests use the card', () => {
    expect(readPreset(name).settings).toHaveProperty('gpu_paths');
    expect(new Set(consumer(name).gpu_paths).size).toBe(consumer(name).gpu_paths.length);
  });

  test('has its work and its load among them', () => {
    const calls = working(consumer(name));
    expect(calls).not.toEqual([]);
    expect(gated(consumer(name), calls)).toEqual(calls);
  });

  test('has none among them by which the broker looks, unloads or cancels', () => {
    expect(gated(consumer(name), looking(consumer(name)))).toEqual([]);
  });
});

test.each([
  ['mvoice', 'mvoice'],
  ['whisper.cpp', 'whisper.cpp'],
  ['comfyui', 'comfyui'],
  ['ollama', 'openai'],
  ['kokoro-fastapi', 'openai'],
])('%s takes the OpenAI paths in the style %s', (name, style) => {
  expect(consumer(name).path_style).toBe(style);
});

test.each([
  ['ollama', ['GET /api/tags', 'GET /api/ps', 'POST /api/show', 'POST /api/pull', 'GET /api/version', 'GET /v1/models', 'HEAD /']],
  ['comfyui', ['GET /prompt', 'GET /api/prompt', 'POST /queue', 'GET /ws', 'GET /', 'POST /upload/image', 'GET /view', 'POST /free', 'POST /interrupt']],
  ['llama.cpp', ['GET /health', 'GET /v1/models', 'GET /props', 'GET /', 'POST /v1/chat/completions/control']],
  ['llama.cpp-router', ['GET /health', 'GET /models', 'GET /props', 'GET /models/sse', 'POST /models/unload', 'POST /models']],
  ['speaches', ['DELETE /api/ps/a/b', 'GET /v1/models', 'GET /api/ps']],
  ['koboldcpp', ['POST /api/extra/generate/check', 'POST /api/extra/abort']],
  ['vllm', ['POST /sleep', 'GET /v1/models', 'GET /metrics', 'POST /tokenize']],
])('%s lets pass what needs neither the card nor the model', (name, calls) => {
  expect(gated(consumer(name), calls)).toEqual([]);
});

test.each([
  ['speaches', ['GET /v1/realtime', 'POST /api/ps/a/b']],
  ['llama.cpp', ['POST /v1/messages/count_tokens', 'POST /slots/0', 'POST /tokenize']],
  ['sglang', ['PUT /generate', 'GET /health', 'GET /resume_memory_occupation']],
  ['ollama', ['POST /v1/messages', 'POST /v1/responses', 'POST /api/embeddings']],
])('%s makes wait what needs the card in an unusual way', (name, calls) => {
  expect(gated(consumer(name), calls)).toEqual(calls);
});
