import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findModel, unknownModel } from '../../../lib/core/models.ts';
import { configured } from '../../support/configured.ts';

const CONSUMERS = { a: {}, b: {} };

/** A table of these models, all of consumer `a` unless they say otherwise. */
function tableOf(models: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
  const entries = Object.entries(models).map(([name, model]) => [name, { consumer: 'a', ...model }]);
  return configured({ consumers: CONSUMERS, models: Object.fromEntries(entries) }).models;
}

const TABLE = tableOf({
  'gpt-4o': { use_model_name: 'qwen3:32b', aliases: ['gpt-4.1', 'gpt-4o-*'] },
  'gpt-*': { consumer: 'b' },
  'gpt-5-*': { use_model_name: 'big' },
  'ollama/*': { use_model_name: '*:latest' },
  whisper: { aliases: ['whisper-1'] },
  same: { use_model_name: 'same' },
  constructor: { consumer: 'b' },
  'hf/*': { aliases: ['face'] },
});

describe('a model goes to', () => {
  test.each<readonly [string, string, { readonly name: string; readonly rename: string | null }]>([
    ['the one of its name, though a beginning fits too', 'gpt-4o', { name: 'gpt-4o', rename: 'qwen3:32b' }],
    ['the one that has it as an alias', 'gpt-4.1', { name: 'gpt-4o', rename: 'qwen3:32b' }],
    ['the one with an alias that it begins with, the longer before the shorter', 'gpt-4o-mini', { name: 'gpt-4o', rename: 'qwen3:32b' }],
    ['the longest beginning that fits', 'gpt-5-nano', { name: 'gpt-5-*', rename: 'big' }],
    ['a shorter beginning where the longer does not fit', 'gpt-5', { name: 'gpt-*', rename: null }],
    ['a beginning that is all of it', 'gpt-', { name: 'gpt-*', rename: null }],
    ['a beginning, and what follows stands for the *', 'ollama/qwen3', { name: 'ollama/*', rename: 'qwen3:latest' }],
    ['a beginning that nothing follows', 'ollama/', { name: 'ollama/*', rename: ':latest' }],
    ['its alias, which its consumer does not know', 'whisper-1', { name: 'whisper', rename: 'whisper' }],
    ['an alias of a beginning, which its consumer is asked for as it is', 'face', { name: 'hf/*', rename: null }],
    ['itself, which is no change of name', 'same', { name: 'same', rename: null }],
    ['a name that objects know, too', 'constructor', { name: 'constructor', rename: null }],
  ])('%s: %s goes to %j', (_why, model, { name, rename }) => {
    expect(findModel(TABLE, model)).toMatchObject({ route: { name }, rename });
  });
});

describe('nobody serves', () => {
  test.each(['GPT-4o', 'gpt', ' gpt-4o', 'xgpt-4o', 'toString', '__proto__', '', '*'])('%j', (model) => {
    expect(findModel(TABLE, model)).toBeNull();
  });
});

test('what follows a beginning is taken as it is, whatever it holds', () => {
  const model = "ollama/$&$1$$`$'*\\";
  expect(findModel(TABLE, model)?.rename).toBe("$&$1$$`$'*\\:latest");
});

test('a new name may hold what follows more than once', () => {
  expect(findModel(tableOf({ 'hf/*': { use_model_name: '*/*.gguf' } }), 'hf/q')?.rename).toBe('q/q.gguf');
});

test('a lone * serves everything', () => {
  const table = tableOf({ '*': {}, 'a*': { consumer: 'b' } });
  expect(findModel(table, 'x/y:z')?.route.consumer).toBe('a');
  expect(findModel(table, '')?.route.consumer).toBe('a');
  expect(findModel(table, 'ab')?.route.consumer).toBe('b');
});

test('whatever the beginnings, none that fits is longer than the one that is found', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 });
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 8 }), text, (beginnings, model) => {
      const table = tableOf(Object.fromEntries(beginnings.map((each) => [`${each}*`, {}])));
      const fitting = beginnings.filter((each) => model.startsWith(each)).toSorted((a, b) => b.length - a.length);
      expect(findModel(table, model)?.route.name ?? null).toBe(fitting[0] === undefined ? null : `${fitting[0]}*`);
    }),
    { numRuns: 30 },
  );
});

describe('of a model that nobody serves is said', () => {
  test('that none are configured', () => {
    expect(unknownModel(tableOf({}), 'x')).toBe('there is no model "x": none are configured (models)');
  });

  test('which names are near, the nearest first, as they are configured', () => {
    expect(unknownModel(tableOf({ llama3: {}, 'qwen3:8b': { aliases: ['qwen3'] }, 'qwen2.5-*': {} }), 'qwen3:4b')).toBe(
      'there is no model "qwen3:4b"; near names are "qwen3", "qwen3:8b"',
    );
    expect(unknownModel(tableOf({ 'qwen2.5-*': {} }), 'qwen2.5')).toBe('there is no model "qwen2.5"; near names are "qwen2.5-*"');
  });

  test('no more than three of them', () => {
    const table = tableOf({ m1: {}, m2: {}, m3: {}, m4: {} });
    expect(unknownModel(table, 'm5')).toBe('there is no model "m5"; near names are "m1", "m2", "m3"');
  });

  test('where the names are, if none is near', () => {
    expect(unknownModel(TABLE, 'stable-diffusion\n"x"')).toBe('there is no model "stable-diffusion\\n\\"x\\""; GET /v1/models lists those that there are');
  });
});
