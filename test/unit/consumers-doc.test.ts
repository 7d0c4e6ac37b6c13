import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { summaryOf } from '../../lib/cli/presets-summary.ts';
import { renderSettings } from '../../lib/cli/presets-view.ts';
import { presetNames, readPreset } from '../../lib/config/presets.ts';
import { configOf, warningLines } from './config/support.ts';

const FOLDER = join('docs', 'consumers');
const NAMES = presetNames();
const ENV = { TABBY_ADMIN_KEY: 'key' };

const read = (name: string): string => readFileSync(join(FOLDER, `${name}.md`), 'utf8');

function yamlBlocks(page: string): string[] {
  return Array.from(page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm), ([, block = '']) => block);
}

/** The items of the list under a heading. */
function listUnder(page: string, heading: string): string[] {
  const [, rest = ''] = page.split(`## ${heading}\n`);
  const [section = ''] = rest.split('\n## ');
  return Array.from(section.matchAll(/^- (.+)$/gm), ([, item = '']) => item);
}

test('docs/consumers has a page for each preset, and no others', () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual([...NAMES.map((name) => `${name}.md`), 'README.md'].toSorted());
});

describe.each(NAMES)('the page of %s', (name) => {
  const page = read(name);
  const preset = readPreset(name);
  const blocks = yamlBlocks(page);

  test('has examples that load and use the preset', () => {
    const examples = blocks.filter((block) => block !== renderSettings(preset));
    expect(examples).not.toEqual([]);
    for (const example of examples) {
      const [consumer] = configOf(example, ENV).consumers.values();
      expect(consumer).toMatchObject({ preset: name, vram_resident_mib: expect.any(Number) });
      if (!example.includes('${')) expect(warningLines(example)).toEqual([]);
    }
  });

  test('shows what the preset fills in as the command prints it', () => {
    expect(blocks.at(-1)).toBe(renderSettings(preset));
    expect(page).toContain(`\`mgpumanager presets ${name}\``);
  });

  test('has what the server needs and what the preset cannot do, word for word', () => {
    expect(listUnder(page, 'What the server needs')).toEqual(preset.needs);
    expect(listUnder(page, 'What the preset cannot do')).toEqual(preset.limits);
  });

  test('shows with an example how to free the memory of a server without an unload call', () => {
    const { unload } = summaryOf(preset);
    const frees = blocks.some((block) => [...configOf(block, ENV).consumers.values()].some((consumer) => consumer.unload?.type === 'command'));
    expect(unload !== null || frees).toBe(true);
  });

  test('says what waits for the card and which doors there are', () => {
    const [, how = ''] = page.split('## How it behaves\n');
    const [doors = ''] = how.split('- **Doors**: ').slice(1);
    expect(doors.split('\n## ')[0]).toMatch(/`\/(upstream\/\S+|ollama|comfyui)\/…`[\s\S]*for\s+the\s+card[\s\S]*at\s+once/);
  });

  test('is as long as one reads', () => {
    expect(page.split('\n').length).toBeLessThanOrEqual(81);
  });
});

describe('docs/consumers/README.md', () => {
  const page = readFileSync(join(FOLDER, 'README.md'), 'utf8');

  test('has a table that says what the files say', () => {
    const expected = NAMES.map((name) => {
      const { port, unload, running_work: work, residency, busy, client_gone: gone, apis } = summaryOf(readPreset(name));
      const cells = [`[${name}](${name}.md)`, port, unload, work, residency === null ? null : `\`${residency}\``, busy, gone, apis];
      return `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`;
    });
    expect(page.split('\n').filter((line) => line.startsWith('| ['))).toEqual(expected);
  });

  test('has an example that loads', () => {
    expect(yamlBlocks(page).map((block) => configOf(block).consumers.size)).toEqual([1]);
  });
});
