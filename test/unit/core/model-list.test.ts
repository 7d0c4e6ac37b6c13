import { describe, expect, test } from '@jest/globals';
import { describeModel, listModels, modelsFor, voicesOf } from '../../../lib/core/model-list.ts';
import type { ConsumerMemory, ModelListFacts } from '../../../lib/core/model-list.ts';
import { configured } from '../../support/configured.ts';

type Models = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const STARTED = new Date('2025-06-01T12:00:00.900Z');

function loaded(...names: readonly string[]): ConsumerMemory {
  return { residency: 'resident', loadedNames: names };
}

/** Models, of consumer `a` unless they say otherwise, and what is known of `a` and `b`. */
function factsOf(models: Models, memory: Readonly<Record<string, ConsumerMemory>> = {}): ModelListFacts {
  const entries = Object.entries(models).map(([name, model]) => [name, { consumer: 'a', ...model }]);
  const { models: table } = configured({ consumers: { a: {}, b: {} }, models: Object.fromEntries(entries) });
  return { models: table, startedAt: STARTED, memoryOf: (name) => memory[name] ?? null };
}

/** Whether a model counts as loaded. */
function statusOf(model: string, models: Models, memory: ConsumerMemory): string | undefined {
  return describeModel(model, factsOf(models, { a: memory }))?.status.value;
}

function ids(facts: ModelListFacts): string[] {
  return listModels(facts).map(({ id }) => id);
}

describe('a model is described', () => {
  test('as the clients of OpenAI read it', () => {
    expect(describeModel('m', factsOf({ m: { consumer: 'b' } }))).toEqual({
      id: 'm',
      object: 'model',
      created: 1_748_779_200,
      owned_by: 'b',
      status: { value: 'unloaded' },
    });
  });

  test('by an alias or a beginning under the name that was asked for', () => {
    const facts = factsOf({ m: { aliases: ['n'] }, 'p-*': {} });
    expect(describeModel('n', facts)?.id).toBe('n');
    expect(describeModel('p-1', facts)?.id).toBe('p-1');
  });

  test('not where nobody serves it', () => {
    expect(describeModel('x', factsOf({ m: {} }))).toBeNull();
  });
});

describe('a model is', () => {
  test.each<readonly [string, ConsumerMemory]>([
    ['loaded', loaded('other', 'm')],
    ['loaded', loaded('m:latest')],
    ['loaded', { residency: 'resident', loadedNames: null }],
    ['unloaded', loaded('m:8b')],
    ['unloaded', loaded()],
    ...(['absent', 'loading', 'unloading', 'unknown'] as const).map((residency) => ['unloaded', { residency, loadedNames: ['m'] }] as const),
  ])('%s where its consumer is %j', (status, memory) => {
    expect(statusOf('m', { m: {} }, memory)).toBe(status);
  });

  test('loaded under the name that its consumer knows it by, not under its own', () => {
    const models = { m: { use_model_name: 'qwen3:8b' }, 'p-*': { use_model_name: 'q-*' } };
    expect(statusOf('m', models, loaded('qwen3:8b'))).toBe('loaded');
    expect(statusOf('m', models, loaded('m'))).toBe('unloaded');
    expect(statusOf('p-1', models, loaded('q-1'))).toBe('loaded');
    expect(statusOf('p-1', models, loaded('p-1'))).toBe('unloaded');
  });

  test('not loaded because another consumer has one of that name', () => {
    expect(describeModel('m', factsOf({ m: {} }, { b: loaded('m') }))?.status.value).toBe('unloaded');
  });
});

describe('the list has', () => {
  test('nothing where nothing is configured', () => {
    expect(listModels(factsOf({}, { a: loaded('m') }))).toEqual([]);
  });

  test('each configured name once and no alias', () => {
    expect(ids(factsOf({ m: { aliases: ['n', 'o-*'] }, k: { consumer: 'b' } }))).toEqual(['m', 'k']);
  });

  test('of a beginning what its consumer has loaded and what reaches it', () => {
    const models = { 'p-*': {}, 'p-b-*': { consumer: 'b' }, 'p-own': {} };
    expect(ids(factsOf(models, { a: loaded('p-1', 'x', 'p-b-1', 'p-own'), b: loaded('p-b-2', 'p-3') }))).toEqual(['p-own', 'p-b-2', 'p-1']);
  });

  test('also what reaches an alias that is a beginning', () => {
    expect(ids(factsOf({ m: { aliases: ['o-*'] } }, { a: loaded('o-1') }))).toEqual(['m', 'o-1']);
  });

  test('nothing that is loaded under a name which clients do not know', () => {
    expect(ids(factsOf({ 'p-*': { use_model_name: 'p-*-q4' } }, { a: loaded('p-1', 'p-1-q4') }))).toEqual([]);
  });

  test('no beginning by itself', () => {
    expect(ids(factsOf({ '*': {} }))).toEqual([]);
    expect(ids(factsOf({ '*': {} }, { a: { residency: 'resident', loadedNames: null } }))).toEqual([]);
  });
});

describe('a path is served by', () => {
  const SPEECH = '/v1/audio/speech';

  test.each<readonly [string, { readonly consumer: object; readonly model?: object }, readonly string[]]>([
    ['a model of a consumer that has the path', { consumer: { gpu_paths: [`POST ${SPEECH}`] } }, ['m']],
    ['no model of a consumer that has it for another method', { consumer: { gpu_paths: [`GET ${SPEECH}`] } }, []],
    ['no model of a consumer that lacks it', { consumer: { gpu_paths: ['POST /v1/chat/*'] } }, []],
    ['a model of a consumer for which it is translated', { consumer: { gpu_paths: ['POST /api/synthesize'], path_style: 'mvoice' } }, ['m']],
    ['no model of a consumer for which other paths are translated', { consumer: { gpu_paths: ['POST /*'], path_style: 'whisper.cpp' } }, []],
    ['a model that is translated though its consumer takes others as they are', { consumer: { gpu_paths: ['POST /x'] }, model: { path_style: 'mvoice' } }, ['m']],
    ['no model that is taken as it is where its consumer lacks the path', { consumer: { gpu_paths: ['POST /x'], path_style: 'mvoice' }, model: { path_style: 'openai' } }, []],
  ])('%s', (_name, { consumer, model }, expected) => {
    const models = { m: { consumer: 'a', aliases: ['n', 'o-*'], ...model }, 'p-*': { consumer: 'a', ...model } };
    expect(modelsFor(SPEECH, configured({ consumers: { a: { ...consumer } }, models }))).toEqual(expected);
  });
});

describe('the voices', () => {
  const { models } = factsOf({ m: { voices: ['anna', 'ben'], aliases: ['n'] }, 'p-*': { voices: ['ben', 'cleo'] }, silent: {} });

  test.each([
    ['m', ['anna', 'ben']],
    ['n', ['anna', 'ben']],
    ['p-1', ['ben', 'cleo']],
    ['silent', []],
    ['unknown', []],
    [null, ['anna', 'ben', 'cleo']],
  ])('of %j are %j', (model, voices) => {
    expect(voicesOf(models, model)).toEqual(voices);
  });
});
