import { expect, test } from '@jest/globals';
import type { ImageTemplate } from '../../../lib/config/types.ts';
import { fillWorkflow, sizeText } from '../../../lib/core/workflow.ts';

const nodes = {
  3: { class_type: 'KSampler', inputs: { seed: 1, steps: 8, latent_image: ['5', 0] } },
  5: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 768, batch_size: 1 }, _meta: { title: 'Empty' } },
  6: { class_type: 'CLIPTextEncode', inputs: { text: 'template' } },
};
const inputs = {
  prompt: { node: '6', input: 'text' },
  width: { node: '5', input: 'width' },
  height: { node: '5', input: 'height' },
  seed: { node: '3', input: 'seed' },
  count: { node: '5', input: 'batch_size' },
};
const template: ImageTemplate = { nodes, inputs, output: null, maxCount: 4, maxSide: 1024 };
const values = { prompt: 'a cat', count: 2, size: { width: 64, height: 128 }, seed: 42 };

test('a workflow has the values at their places, and all else as it was', () => {
  const before = structuredClone(template);
  expect(fillWorkflow(template, values)).toEqual({
    3: { class_type: 'KSampler', inputs: { seed: 42, steps: 8, latent_image: ['5', 0] } },
    5: { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 128, batch_size: 2 }, _meta: { title: 'Empty' } },
    6: { class_type: 'CLIPTextEncode', inputs: { text: 'a cat' } },
  });
  expect(template).toEqual(before);
});

test('a value that has no place goes nowhere', () => {
  expect(fillWorkflow({ ...template, inputs: { prompt: inputs.prompt } }, values)).toEqual({ ...nodes, 6: { class_type: 'CLIPTextEncode', inputs: { text: 'a cat' } } });
});

test('a place in a node that the workflow lacks takes no value, and no size is known from it', () => {
  const { 5: empty, ...others } = nodes;
  expect(fillWorkflow({ ...template, nodes: others }, values)).toEqual({
    3: { class_type: 'KSampler', inputs: { seed: 42, steps: 8, latent_image: ['5', 0] } },
    6: { class_type: 'CLIPTextEncode', inputs: { text: 'a cat' } },
  });
  expect([sizeText(others, inputs), sizeText({ 5: empty }, inputs)]).toEqual([null, '512x768']);
});

test('without a size the workflow keeps its own', () => {
  const filled = fillWorkflow(template, { ...values, size: null });
  expect(filled['5']?.inputs).toMatchObject({ width: 512, height: 768 });
  expect(sizeText(filled, inputs)).toBe('512x768');
});

test('a size is known where both sides have a place and are numbers', () => {
  expect(sizeText(fillWorkflow(template, values), inputs)).toBe('64x128');
  expect(sizeText(nodes, { prompt: inputs.prompt, width: inputs.width })).toBeNull();
  expect(sizeText({ ...nodes, 5: { class_type: 'X', inputs: { width: ['1', 0], height: 64 } } }, inputs)).toBeNull();
});
