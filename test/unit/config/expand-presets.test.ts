import { describe, expect, test } from '@jest/globals';
import type { ConsumerConfig } from '../../../lib/config/types.ts';
import { configOf, problemLines } from './support.ts';

/** A consumer with a preset and, beside it, these settings in flow style. */
function consumer(preset: string, beside = '', env: Readonly<Record<string, string>> = {}): ConsumerConfig {
  const found = configOf(`consumers:\n  a: { preset: ${preset}${beside === '' ? '' : `, ${beside}`} }\n`, env).consumers.get('a');
  if (found === undefined) throw new Error('no consumer a');
  return found;
}

describe('what is written beside a preset', () => {
  test('may be nothing, as even the URL is filled in', () => {
    expect(consumer('ollama')).toMatchObject({ preset: 'ollama', url: 'http://127.0.0.1:11434', health: { method: 'GET', path: '/api/version' } });
  });

  test('wins', () => {
    const { url, client_gone: clientGone, residual_mib: residualMib } = consumer('comfyui', 'url: "http://box:9", client_gone: close, residual_mib: 0');
    expect({ url, clientGone, residualMib }).toEqual({ url: 'http://box:9', clientGone: 'close', residualMib: 0 });
  });

  test('changes single members of health, paths and timeouts', () => {
    expect(consumer('comfyui', 'health: { path: /queue }').health).toMatchObject({ path: '/queue', timeout: 5000 });
    expect(consumer('speaches', 'paths: { tts: { path: /t }, llm: { path: /l } }').paths).toEqual({
      stt: { method: 'POST', path: '/v1/audio/transcriptions' },
      tts: { method: 'POST', path: '/t' },
      llm: { method: 'POST', path: '/l' },
    });
    expect(consumer('comfyui', 'timeouts: { idle: 7s }').timeouts).toMatchObject({ idle: 7000, connect: 2000 });
  });

  test('replaces every other setting as a whole', () => {
    expect(consumer('comfyui', 'unload: { path: /mine }').unload).toMatchObject({ path: '/mine', body: undefined });
    expect(consumer('comfyui', 'unload: { command: [stop] }').unload).toEqual({ type: 'command', argv: ['stop'], timeout: 10_000 });
    expect(consumer('comfyui', 'busy: { path: /b, pointer: /p }, cancel: []')).toMatchObject({ busy: { path: '/b', pointer: '/p' }, cancel: [] });
  });

  test('does not reach other consumers of the same preset', () => {
    const { consumers } = configOf('consumers:\n  a: { preset: ollama, health: { path: /mine } }\n  b: { preset: ollama, url: "http://h:2" }\n');
    expect([...consumers.values()].map(({ health }) => health.path)).toEqual(['/mine', '/api/version']);
  });
});

describe('a variable', () => {
  test('is put wherever its name stands in braces', () => {
    const { load, unload } = consumer('tabbyapi', 'variables: { model: m1, admin_key: k1 }');
    expect(load).toMatchObject({ headers: { 'x-admin-key': 'k1' }, body: { model_name: 'm1' } });
    expect(unload).toMatchObject({ headers: { 'x-admin-key': 'k1' } });
  });

  test('has its default where it is not given', () => {
    expect(consumer('koboldcpp').load).toMatchObject({ body: { filename: 'initial_model' } });
  });

  test('without a value and a default leaves out the hooks that need it', () => {
    expect(consumer('ollama').load).toBeNull();
    expect(consumer('ollama', 'variables: { model: "llama3.2:3b" }').load).toMatchObject({ body: { model: 'llama3.2:3b' } });
  });

  test('leaves alone what stands for a name or an id in an answer', () => {
    expect(consumer('ollama', 'variables: { model: m }').unload).toMatchObject({ body: { model: '{name}' } });
    expect(consumer('comfyui').completion).toMatchObject({ path: '/history/{id}', state: '/{id}' });
  });

  test('is not looked for in what the user writes', () => {
    expect(consumer('ollama', 'variables: { model: m }, unload: { path: /u, body: "{model}" }').unload).toMatchObject({ body: '{model}' });
  });

  test('may hold what looks like another one, or like a pattern of a replacement', () => {
    expect(consumer('tabbyapi', 'variables: { model: "{admin_key}$&", admin_key: k }').load).toMatchObject({ body: { model_name: '{admin_key}$&' } });
  });

  test('may come from the environment', () => {
    const { load } = consumer('tabbyapi', 'variables: { model: m, admin_key: "${KEY}" }', { KEY: 'k2' });
    expect(load).toMatchObject({ headers: { 'x-admin-key': 'k2' } });
  });
});

describe('a problem', () => {
  test('with a misspelt preset has its place and what was meant', () => {
    expect(problemLines('consumers:\n  a:\n    url: http://h:1\n    preset: olama\n')).toEqual([
      expect.stringMatching(/^c\.yaml:4:13: consumers\.a\.preset: expected one of a1111, comfyui, .*whisper\.cpp, got "olama" \(did you mean "ollama"\?\)$/),
    ]);
  });

  test('with a misspelt variable has its place and what was meant', () => {
    expect(problemLines('consumers:\n  a:\n    preset: tabbyapi\n    variables: { modell: m }\n')).toEqual([
      'c.yaml:4:18: consumers.a.variables.modell: expected a variable of preset tabbyapi (model, admin_key), got "modell" (did you mean "model"?)',
    ]);
  });

  test('with a variable of a preset that has none says so', () => {
    expect(problemLines('consumers:\n  a: { preset: vllm, variables: { model: m } }\n')).toEqual([
      'c.yaml:2:35: consumers.a.variables.model: expected no variables (preset vllm has none), got "model"',
    ]);
  });

  test('with a variable that is no text has its place', () => {
    expect(problemLines('consumers:\n  a: { preset: ollama, variables: { model: 7 } }\n')).toEqual([
      expect.stringMatching(/^c\.yaml:2:44: consumers\.a\.variables\.model: expected a text, got 7$/),
    ]);
  });

  test('with what the user wrote over a preset has the place in the file', () => {
    expect(problemLines('consumers:\n  a:\n    preset: comfyui\n    health: { timeout: 5 }\n')).toEqual([
      expect.stringMatching(/^c\.yaml:4:24: consumers\.a\.health\.timeout: expected a duration/),
    ]);
  });

  test.each([
    ['in a header', 'preset: tabbyapi, variables: { model: m, admin_key: "${SECRET}" }'],
    ['in a path', 'preset: speaches, variables: { model: "${SECRET}" }'],
  ])('never shows what came from the environment %s', (_name, settings) => {
    const secret = 's3cret \u0007 value';
    const lines = problemLines(`consumers:\n  a: { ${settings} }\n`, { SECRET: secret });
    expect(lines).not.toEqual([]);
    expect(lines.join('\n')).not.toContain('s3cret');
    expect(lines.join('\n')).toContain('${SECRET}');
  });
});

test.each(['consumers: 5', 'consumers: { a: }', 'consumers: { a: [ollama] }', 'consumers: { a: { preset: [ollama] } }', 'consumers: { a: { preset: __proto__ } }'])(
  'a file that is wrong in other ways is left to the other checks: %s',
  (text) => {
    expect(problemLines(`${text}\n`)).not.toEqual([]);
  },
);
