import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { presetNames, readPreset } from '../../lib/config/presets.ts';
import { itemsOf } from '../../lib/config/tree.ts';
import { configOf } from '../unit/config/support.ts';
import { ClientBench } from '../support/client-bench.ts';

const PAGE = readFileSync('docs/clients.md', 'utf8');
const BROKER = '127.0.0.1:8770';
const ANSWER = 'You asked: "Why is the sky blue?"';
/** A block that takes longer hangs. ms. */
const LIMIT_MS = 30_000;

const run = promisify(execFile);

/** A part of the page: its heading, and its blocks of a language. */
interface Section {
  readonly heading: string;
  blocks(language: string): readonly string[];
}

const SECTIONS: readonly Section[] = PAGE.split(/^## /m).slice(1).map((text) => ({
  heading: text.slice(0, text.indexOf('\n')),
  blocks: (language) => Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm')), ([, block = '']) => block),
}));

function sectionOf(heading: string): Section {
  const section = SECTIONS.find((each) => each.heading === heading);
  if (section === undefined) throw new Error(`the page has no section ${heading}`);
  return section;
}

let folder: string;
let bench: ClientBench;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-clients-doc-'));
  for (const name of ['node_modules', 'config']) symlinkSync(resolve(name), join(folder, name));
  bench = await ClientBench.start();
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await bench.stop();
});

/** Runs a module, such as a block of the page, in a folder where the packages are; resolves with what it printed. Rejects unless it ends well. */
async function printed(module: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const file = join(folder, 'block.mjs');
  writeFileSync(file, module.replaceAll(BROKER, bench.host));
  const { stdout } = await run(process.execPath, [file], { cwd: folder, timeout: LIMIT_MS, env: { ...process.env, NODE_OPTIONS: '', ...env } });
  return stdout;
}

/** What kind of file a block has left. */
function kindOf(name: string): string {
  const bytes = readFileSync(join(folder, name));
  return bytes.subarray(bytes[0] === 0x89 ? 1 : 0, 4).toString('latin1');
}

const filesLeft = (): readonly string[] => readdirSync(folder).filter((name) => !['node_modules', 'config', 'block.mjs'].includes(name));

/** What the JavaScript of a section prints, and the files that it leaves. */
const EXPECTED: readonly (readonly [string, readonly string[], Readonly<Record<string, string>>])[] = [
  ['OpenAI', [ANSWER, 'The quick brown'], { 'image.png': 'PNG', 'speech.wav': 'RIFF' }],
  ['Anthropic', [ANSWER], {}],
  ['Ollama', [ANSWER, 'llama3.2:3b is loaded'], {}],
  ['Vercel AI SDK', [ANSWER, 'You asked: "And at dusk?"'], {}],
  ['ComfyUI', [], { 'comfyui-0.png': 'PNG' }],
];

describe('the JavaScript in docs/clients.md', () => {
  test.each(EXPECTED)('for %s does what it says', async (heading, texts, files) => {
    const [block = '', ...more] = sectionOf(heading).blocks('js');
    expect(more).toEqual([]);
    const output = await printed(block);
    for (const text of texts) expect(output).toContain(text);
    expect(Object.fromEntries(filesLeft().map((name) => [name, kindOf(name)]))).toEqual(files);
  }, LIMIT_MS);

  test('is all run here', () => {
    expect(SECTIONS.filter((section) => section.blocks('js').length > 0).map(({ heading }) => heading)).toEqual(EXPECTED.map(([heading]) => heading));
  });
});

describe('the environment in docs/clients.md', () => {
  test.each([
    ['OpenAI', `import OpenAI from 'openai';\nconsole.log((await new OpenAI().models.list()).data.length > 0);`],
    ['Anthropic', `import Anthropic from '@anthropic-ai/sdk';\nconsole.log((await new Anthropic().messages.create({ model: 'llama3.2:3b', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] })).content.length > 0);`],
  ])('is all that the client of %s needs', async (heading, module) => {
    const [block = ''] = sectionOf(heading).blocks('sh');
    const variables: NodeJS.ProcessEnv = {};
    for (const [, name = '', value = ''] of block.matchAll(/([A-Z_]+)=(\S+)/g)) variables[name] = value.replaceAll(BROKER, bench.host);
    expect(await printed(module, variables)).toBe('true\n');
  }, LIMIT_MS);
});

test('every configuration in docs/clients.md is valid', () => {
  const examples = SECTIONS.flatMap((section) => section.blocks('yaml'));
  expect(examples.map((example) => [...configOf(example).consumers.values()].map(({ preset, listen }) => `${preset} ${listen}`))).toEqual([
    ['ollama 127.0.0.1:11434'],
    ['comfyui 127.0.0.1:8188'],
  ]);
});

test("docs/clients.md names the servers that speak Anthropic's API as the presets know them", () => {
  const speaking = presetNames().map(readPreset).filter(({ settings }) => itemsOf(settings['gpu_paths']).includes('POST /v1/messages'));
  const [, named = ''] = /^Only servers that speak this API themselves.*?: (.*?)\. For/m.exec(PAGE) ?? [];
  expect(new Set(named.split(', '))).toEqual(new Set(speaking.map(({ title }) => title.replace(/ \(.*/, ''))));
});
