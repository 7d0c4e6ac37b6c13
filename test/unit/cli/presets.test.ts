import { describe, expect, test } from '@jest/globals';
import { presetNames, readPreset } from '../../../lib/config/presets.ts';
import { memberOf } from '../../../lib/config/tree.ts';
import { readYaml } from '../../../lib/config/yaml.ts';
import { runCli } from '../../support/cli.ts';
import { problemLines } from '../config/support.ts';

const NAMES = presetNames();

describe('presets', () => {
  test('is a table with a line for each, sorted by name', async () => {
    const { code, out, err } = await runCli(['presets']);
    const [heading, ...lines] = out.trimEnd().split('\n');
    expect(heading).toMatch(/^PRESET +SERVER +PORT +UNLOAD +RUNNING WORK +BUSY +APIS$/);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(NAMES);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^comfyui +ComfyUI +8188 +call +waits +asked, by job +OpenAI, translated$/),
        expect.stringMatching(/^ollama +Ollama +11434 +call for each model +waits +- +OpenAI, Anthropic$/),
        expect.stringMatching(/^tei .* 3000 +- +- +- +OpenAI$/),
      ]),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  test('does without the long names on a narrow terminal', async () => {
    expect((await runCli(['presets'], { width: 80 })).out).toMatch(/^PRESET +PORT +UNLOAD/);
  });

  test('--json prints the same as JSON, with null for what a server has not', async () => {
    const list: unknown = JSON.parse((await runCli(['presets', '--json'])).out);
    expect(list).toHaveLength(NAMES.length);
    expect(list).toContainEqual({
      name: 'vllm', title: 'vLLM', port: 8000, unload: 'call', running_work: 'kills', residency: '/is_sleeping', busy: 'asked', client_gone: 'close',
      apis: 'OpenAI, Anthropic',
    });
    expect(list).toContainEqual(expect.objectContaining({ name: 'mvoice', unload: 'call', running_work: 'unknown' }));
    expect(list).toContainEqual(expect.objectContaining({ name: 'tei', unload: null, running_work: null, residency: null, busy: null }));
    expect(list).toContainEqual(expect.objectContaining({ name: 'invokeai', apis: null }));
  });
});

describe('presets NAME', () => {
  test.each(NAMES)('%s is a configuration that says the same as the preset', async (name) => {
    const { code, out } = await runCli(['presets', name]);
    expect(code).toBe(0);
    expect(problemLines(out)).toEqual([]);
    const yaml = readYaml(out);
    expect(yaml).toMatchObject({ ok: true });
    expect(memberOf(memberOf(yaml.ok ? yaml.value : null, 'consumers'), name)).toEqual(readPreset(name).settings);
  });

  test.each(NAMES)('%s has what people should know in its comments', async (name) => {
    const { out } = await runCli(['presets', name]);
    const { title, server, needs, limits, variables } = readPreset(name);
    expect(out).toMatch(/^# /);
    expect(out).toContain(`# ${title}: ${server}\n`);
    for (const sentence of [...needs, ...limits]) expect(out).toContain(`# - ${sentence}\n`);
    for (const variable of variables) expect(out).toContain(`# - ${variable.name}: ${variable.about}`);
  });

  test('names what has to be filled in by whoever pastes it', async () => {
    expect((await runCli(['presets', 'koboldcpp'])).out).toContain('write a value in place of {config} and {admin_password}.');
    expect((await runCli(['presets', 'koboldcpp'])).out).toContain(' Default: "initial_model".');
    expect((await runCli(['presets', 'vllm'])).out).not.toContain('in place of');
  });

  test('can be pasted into a file, as each setting is one line under the consumer, and only a long list of paths several', async () => {
    const { out } = await runCli(['presets', 'tei']);
    expect(out.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      'consumers:',
      '  tei:',
      '    url: http://127.0.0.1:3000',
      '    health: { path: /health }',
      '    paths: { llm: { path: /v1/embeddings } }',
      '    gpu_paths: [ POST /v1/embeddings, POST /v1/classify, POST /embeddings, POST /embed, POST /embed_all, POST /embed_sparse,',
      '      POST /predict, POST /predict_tokens, POST /rerank, POST /similarity, POST /vertex, POST /invocations, POST / ]',
      '    client_gone: finish',
    ]);
  });

  test('with --json prints all of it as JSON', async () => {
    expect(JSON.parse((await runCli(['presets', 'ollama', '--json'])).out)).toEqual({ ...readPreset('ollama') });
  });

  test.each([[[]], [['--json']]])('of a preset that is not there exits with 2 and says what was probably meant (%j)', async (options) => {
    const { code, out, err } = await runCli(['presets', 'lama.cpp', ...options]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(`error: expected one of the presets ${NAMES.join(', ')}, got "lama.cpp" (did you mean "llama.cpp"?)\n`);
  });

  test('takes no name of a file for a preset', async () => {
    expect(await runCli(['presets', '../consumers'])).toMatchObject({ code: 2, out: '' });
  });
});
