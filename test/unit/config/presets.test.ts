import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { presetFolder, presetNames, readPreset } from '../../../lib/config/presets.ts';
import { itemsOf, mapLeaves, memberOf } from '../../../lib/config/tree.ts';
import type { ConsumerConfig, Hook } from '../../../lib/config/types.ts';
import { configOf, problemLines, warningLines } from './support.ts';

const NAMES = presetNames();
const SCHEMA: unknown = JSON.parse(readFileSync('schemas/config.schema.json', 'utf8'));
/** Words that stand for something which only an answer of the server tells. */
const ANSWERED = ['name', 'id'];

const alone = (name: string): string => `consumers: { x: { preset: ${name} } }\n`;

function consumer(name: string, variables: Readonly<Record<string, string>> = {}): ConsumerConfig {
  const found = configOf(`consumers: { x: { preset: ${name}, variables: ${JSON.stringify(variables)} } }\n`).consumers.get('x');
  if (found === undefined) throw new Error('no consumer x');
  return found;
}

/** The words in braces in all texts of a value. */
function words(value: unknown): string[] {
  const found = new Set<string>();
  mapLeaves(value, (leaf) => {
    if (typeof leaf === 'string') for (const [, word = ''] of leaf.matchAll(/\{([^{}]*)\}/g)) found.add(word);
    return leaf;
  });
  return [...found].toSorted();
}

function httpHook(hook: Hook | null): Extract<Hook, { type: 'http' }> {
  if (hook?.type !== 'http') throw new Error('expected a hook that is a request');
  return hook;
}

test('the schema knows every preset in the folder, and no others', () => {
  const enumOf = ['definitions', 'ConsumerFile', 'properties', 'preset', 'enum'].reduce(memberOf, SCHEMA);
  expect(itemsOf(enumOf)).toEqual(NAMES);
  expect(readdirSync(presetFolder()).toSorted()).toEqual(NAMES.map((name) => `${name}.yaml`).toSorted());
});

describe.each(NAMES)('the preset %s', (name) => {
  const preset = readPreset(name);

  test('is a whole consumer by itself, without problems and warnings', () => {
    expect(problemLines(alone(name))).toEqual([]);
    expect(warningLines(alone(name))).toEqual([]);
    const { url, paths } = consumer(name);
    expect(new URL(url).port).toMatch(/^\d+$/);
    expect(Object.keys(paths)).not.toEqual([]);
  });

  test('says in whole sentences what it needs and what it cannot do', () => {
    const sentences = [...preset.needs, ...preset.limits, ...preset.variables.map(({ about }) => about)];
    expect(preset.limits).not.toEqual([]);
    expect(sentences.filter((sentence) => !/^[A-Z].*\.$/.test(sentence))).toEqual([]);
  });

  test('uses the variables that it declares, and no others', () => {
    const declared = preset.variables.map((variable) => variable.name);
    expect(words(preset.settings).filter((word) => !ANSWERED.includes(word))).toEqual(declared.toSorted());
  });

  test('leaves nothing open once its variables have values', () => {
    const values = Object.fromEntries(preset.variables.map((variable) => [variable.name, 'given']));
    const { load, unload, residency, busy, health, paths } = consumer(name, values);
    expect({ load: load !== null, unload: unload !== null }).toEqual({ load: 'load' in preset.settings, unload: 'unload' in preset.settings });
    expect(words({ load, residency, busy, health, paths })).toEqual([]);
    expect(words(unload)).toEqual(unload?.type === 'http' && unload.forEachLoaded ? ['name'] : []);
  });

  test('asks for a list where it unloads each of its items', () => {
    const { unload, residency } = consumer(name);
    expect(unload?.type === 'http' && unload.forEachLoaded).toBe(unload !== null && residency?.items !== undefined);
  });

  test('says what an unload does to running work', () => {
    const unload = memberOf(preset.settings, 'unload');
    expect(unload === undefined || name === 'mvoice' ? 'waits' : memberOf(unload, 'in_flight')).toMatch(/^(waits|kills|refuses|breaks)$/);
  });

  test('awaits what it cancels by a call', () => {
    const { cancel, client_gone: clientGone, completion } = consumer(name);
    expect(cancel.length === 0 || clientGone === 'finish').toBe(true);
    expect(words(cancel).length === 0 || completion !== undefined).toBe(true);
  });
});

describe('what the servers want to be asked', () => {
  test('vLLM by a query, SGLang by a body', () => {
    expect(httpHook(consumer('vllm').unload)).toMatchObject({ method: 'POST', path: '/sleep?level=1', body: undefined });
    expect(httpHook(consumer('sglang').unload)).toMatchObject({ path: '/release_memory_occupation', body: {} });
  });

  test('speaches by a path with the name in it', () => {
    const { load, unload } = consumer('speaches', { model: 'Systran/faster-whisper-small' });
    expect(httpHook(load)).toMatchObject({ method: 'POST', path: '/api/ps/Systran/faster-whisper-small', already: { status: [409] } });
    expect(httpHook(unload)).toMatchObject({ method: 'DELETE', path: '/api/ps/{name}', already: { status: [404] }, retryStatus: [] });
  });

  test('koboldcpp without a password and for what it was started with, unless said otherwise', () => {
    const body = { filename: 'initial_model' };
    expect(httpHook(consumer('koboldcpp').load)).toMatchObject({ headers: { Authorization: 'Bearer ' }, body, expect: 'true', retryRefused: true });
    const { load, unload } = consumer('koboldcpp', { config: 'a.kcpps', admin_password: 'secret' });
    expect(httpHook(load)).toMatchObject({ headers: { Authorization: 'Bearer secret' }, body: { filename: 'a.kcpps' } });
    expect(httpHook(unload)).toMatchObject({ headers: { Authorization: 'Bearer secret' }, body: { filename: 'unload_model' } });
  });

  test('TabbyAPI only with a key and a model, as it loads nothing by itself', () => {
    const hooks = ({ load, unload }: ConsumerConfig): boolean[] => [load !== null, unload !== null];
    expect(hooks(consumer('tabbyapi'))).toEqual([false, false]);
    expect(hooks(consumer('tabbyapi', { admin_key: 'k' }))).toEqual([false, false]);
    expect(hooks(consumer('tabbyapi', { model: 'm' }))).toEqual([false, false]);
    expect(hooks(consumer('tabbyapi', { admin_key: 'k', model: 'm' }))).toEqual([true, true]);
  });

  test.each(['ollama', 'llama.cpp-router', 'localai', 'speaches'])('%s to load only where a model is named', (name) => {
    expect(consumer(name)).toMatchObject({ load: null, unload: { type: 'http' } });
    expect(JSON.stringify(consumer(name, { model: 'm1' }).load)).toContain('m1');
  });

  test.each(['llama.cpp', 'whisper.cpp', 'tei', 'sd.cpp'])('%s by nothing, so that its unit is stopped and started', (name) => {
    const { load, unload } = configOf(`consumers: { x: { preset: ${name}, systemd_unit: x.service } }\n`).consumers.get('x') ?? {};
    expect(load).toMatchObject({ type: 'command', argv: ['systemctl', '--user', 'start', 'x.service'] });
    expect(unload).toMatchObject({ type: 'command', argv: ['systemctl', '--user', 'stop', 'x.service'] });
  });
});
