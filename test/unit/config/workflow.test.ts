import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig, parseConfig } from '../../../lib/config/load.ts';
import { formatProblem } from '../../../lib/config/problem.ts';
import type { ImageTemplate } from '../../../lib/config/types.ts';

const WORKFLOW = {
  5: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 1 } },
  6: { class_type: 'CLIPTextEncode', inputs: { text: '', clip: ['4', 1] }, _meta: { title: 'Prompt' } },
  7: { class_type: 'CLIPTextEncode', inputs: { text: '' }, _meta: { title: 'Other' } },
  8: { class_type: 'CLIPTextEncode', inputs: { text: '' }, _meta: { title: 'Other' } },
  9: { class_type: 'SaveImage', inputs: { images: ['5', 0] } },
};
const PROMPT = { node: '6', input: 'text' };
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-workflow-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(images: unknown, consumer: object = { path_style: 'comfyui' }, models: object = {}): string {
  return JSON.stringify({ consumers: { c: { url: 'http://h:1', ...consumer, images } }, models }, null, 1);
}

/** Line, place and message of each problem. */
function problems(images: unknown, consumer?: object, models?: object): string[] {
  const result = parseConfig(fileOf(images, consumer, models), join(folder, 'c.yaml'), {});
  return result.ok ? [] : result.problems.map((problem) => formatProblem(problem).replace(`${folder}/c.yaml:`, ''));
}

function template(images: unknown): ImageTemplate | null | undefined {
  const result = parseConfig(fileOf(images), join(folder, 'c.yaml'), {});
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config.consumers.get('c')?.images;
}

describe('a workflow', () => {
  test('may stand in the file, with its places by id or by title', () => {
    const images = { workflow: WORKFLOW, prompt: { node: 'Prompt', input: 'text' }, width: { node: '5', input: 'width' }, output: '9', max_count: 2 };
    expect(template(images)).toEqual({
      nodes: WORKFLOW,
      inputs: { prompt: PROMPT, width: { node: '5', input: 'width' } },
      output: '9',
      maxCount: 2,
      maxSide: 2048,
    });
  });

  test('may be in a file beside the configuration', () => {
    writeFileSync(join(folder, 'w.json'), JSON.stringify(WORKFLOW));
    expect(template({ workflow_file: 'w.json', prompt: PROMPT })).toMatchObject({ nodes: WORKFLOW, output: null });
    writeFileSync(join(folder, 'real.yaml'), fileOf({ workflow_file: './w.json', prompt: PROMPT }));
    expect(loadConfig(join(folder, 'real.yaml'), {})).toMatchObject({ ok: true });
  });

  test('that comes with the broker is fine', () => {
    const images = { workflow_file: join(process.cwd(), 'config/workflows/text-to-image.json'), prompt: { node: 'Positive Prompt', input: 'text' }, seed: { node: 'KSampler', input: 'seed' } };
    expect(template(images)).toMatchObject({ inputs: { prompt: PROMPT, seed: { node: '3', input: 'seed' } } });
  });

  test('is frozen', () => {
    expect(Object.isFrozen(template({ workflow: WORKFLOW, prompt: PROMPT })?.nodes['6']?.inputs)).toBe(true);
  });

  test('is of use to a model that speaks so', () => {
    expect(problems({ workflow: WORKFLOW, prompt: PROMPT }, {}, { m: { consumer: 'c', path_style: 'comfyui' } })).toEqual([]);
  });
});

describe('a fault', () => {
  test.each<[string, unknown, string]>([
    ['neither workflow nor file', { prompt: PROMPT }, 'consumers.c.images: expected either workflow or workflow_file, got neither'],
    ['both', { workflow: WORKFLOW, workflow_file: 'w', prompt: PROMPT }, 'consumers.c.images: expected either workflow or workflow_file, got both'],
    ['no such file', { workflow_file: 'no.json', prompt: PROMPT }, 'consumers.c.images.workflow_file: expected the file of a workflow in API format: nodes by id, each with class_type and inputs, got no such file'],
    ['the format of the editor', { workflow: { nodes: [], links: [] }, prompt: PROMPT }, "got one in the editor's own format; export it with Save (API Format)"],
    ['a node without a class', { workflow: { 1: { inputs: {} } }, prompt: PROMPT }, 'got "1" without them'],
    ['no nodes', { workflow: {}, prompt: PROMPT }, 'got no nodes'],
    ['an unknown node', { workflow: WORKFLOW, prompt: { node: 'Promt', input: 'text' } }, 'images.prompt.node: expected the id or title of a node of the workflow (5: EmptyLatentImage, 6: Prompt, 7: Other, 8: Other, 9: SaveImage), got "Promt" (did you mean "Prompt"?)'],
    ['a title of two nodes', { workflow: WORKFLOW, prompt: { node: 'Other', input: 'text' } }, 'expected the id of a node (7, 8 all have this title), got "Other"'],
    ['an unknown input', { workflow: WORKFLOW, prompt: { node: '6', input: 'txt' } }, 'images.prompt.input: expected an input of node 6 (text, clip), got "txt" (did you mean "text"?)'],
    ['an unknown output', { workflow: WORKFLOW, prompt: PROMPT, output: '10' }, 'images.output: expected the id or title of a node'],
    ['no prompt', { workflow: WORKFLOW }, 'prompt'],
  ])('is reported for %s', (_, images, message) => {
    const found = problems(images);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^\d+:\d+: /);
    expect(found[0]).toContain(message);
  });

  test('is reported for each place', () => {
    const wrong = { node: '1', input: 'x' };
    expect(problems({ workflow: WORKFLOW, prompt: wrong, width: wrong, output: '1' })).toHaveLength(3);
  });

  test('is reported where nothing makes use of a workflow', () => {
    const got = 'consumers.c.images: expected path_style comfyui beside it, got another, which makes no use of a workflow';
    expect(problems({ workflow: WORKFLOW, prompt: PROMPT }, {})).toEqual([expect.stringContaining(got)]);
    expect(problems({ workflow: WORKFLOW, prompt: PROMPT }, {}, { m: { consumer: 'other', path_style: 'comfyui' } })).toEqual(
      expect.arrayContaining([expect.stringContaining(got)]),
    );
  });

  test.each<[string, string | Buffer, string]>([
    ['is not JSON', '{"5": ', 'got a file that is not JSON'],
    ['is too large', Buffer.alloc(2 ** 20 + 1, ' '), 'got more than 1 MiB'],
    ['is a list', '[]', 'got no nodes'],
    ['is nested without end', `{"1":{"class_type":"A","inputs":{"x":${'['.repeat(400_000)}${']'.repeat(400_000)}}}}`, 'got "1" without them'],
  ])('is reported for a file that %s', (_, content, message) => {
    writeFileSync(join(folder, 'bad.json'), content);
    expect(problems({ workflow_file: 'bad.json', prompt: PROMPT })).toEqual([expect.stringContaining(message)]);
  });

  test.each<[unknown]>([[{ workflow: 5, prompt: PROMPT }], [{ workflow_file: 5, prompt: PROMPT }], [{ workflow: WORKFLOW, prompt: 5 }], [5]])('is left to the schema where the kind of value is wrong: %j', (images) => {
    expect(problems(images).length).toBeGreaterThan(0);
  });
});
