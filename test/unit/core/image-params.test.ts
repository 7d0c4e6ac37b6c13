import { describe, expect, test } from '@jest/globals';
import type { ImageTemplate } from '../../../lib/config/types.ts';
import { readImages } from '../../../lib/core/image-params.ts';

const place = { node: '1', input: 'x' };
const FULL: ImageTemplate = { nodes: {}, inputs: { prompt: place, width: place, height: place, seed: place, count: place }, output: null, maxCount: 4, maxSide: 1024 };
const BARE: ImageTemplate = { ...FULL, inputs: { prompt: place } };
const PROMPT = { model: 'dall-e-3', prompt: 'a cat' };
const EXPECTED = new Map([
  ['prompt', 'a text'],
  ['n', 'a whole number from 1 to 4 (images.max_count)'],
  ['size', 'auto or WIDTHxHEIGHT, each a multiple of 8 from 16 to 1024 (images.max_side)'],
  ['seed', `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
]);
const unsupported = (...parameters: string[]) => expect.objectContaining({ type: 'unsupported', parameters });

describe('a request for images', () => {
  test.each<[string, object]>([
    ['says no more than it has to', {}],
    ['says what is so anyway', { n: 1, size: 'auto', response_format: 'b64_json', output_format: 'png', output_compression: 100, stream: false, partial_images: 0 }],
    ['leaves the rest to the server', { quality: 'auto', style: 'auto', background: 'auto', moderation: 'auto' }],
    ['says who asks', { user: 'anna' }],
    ['has nulls', { n: null, size: null, quality: null }],
  ])('is accepted where it %s', (_, more) => {
    const wanted = { type: 'images', prompt: 'a cat', count: 1, size: null, seed: null };
    expect(readImages({ ...PROMPT, ...more }, BARE)).toEqual(wanted);
    expect(readImages({ ...PROMPT, ...more }, FULL)).toEqual(wanted);
  });

  test('has its number, size and seed', () => {
    expect(readImages({ ...PROMPT, n: 4, size: '512x1024', seed: 0 }, FULL)).toMatchObject({ count: 4, size: { width: 512, height: 1024 }, seed: 0 });
  });

  test.each<[string, unknown, string]>([
    ['response_format', 'url', ' (only b64_json)'],
    ['quality', 'hd', ' (only auto)'],
    ['style', 'vivid', ' (only auto)'],
    ['background', 'transparent', ' (only auto)'],
    ['moderation', 'low', ' (only auto)'],
    ['output_format', 'webp', ' (only png)'],
    ['output_compression', 50, ' (only 100)'],
    ['stream', true, ' (the answer comes as a whole)'],
    ['partial_images', 2, ' (only 0)'],
    ['negative_prompt', 'dogs', ''],
  ])('is refused for %s as %p, and told what there is', (name, value, what) => {
    const fault = readImages({ ...PROMPT, [name]: value }, FULL);
    expect(fault).toEqual(unsupported(name));
    expect(fault).toMatchObject({ message: expect.stringContaining(`not supported here: ${name}${what};`) });
  });

  test('has no size where the workflow has a place for one side only', () => {
    for (const inputs of [{ prompt: place, width: place }, { prompt: place, height: place }]) {
      expect(readImages({ ...PROMPT, size: '512x512' }, { ...FULL, inputs })).toEqual(unsupported('size'));
    }
  });

  test('has any size from 16 to the longest side', () => {
    expect(readImages({ ...PROMPT, size: '16x1024' }, FULL)).toMatchObject({ size: { width: 16, height: 1024 } });
  });

  test('is refused for what the workflow has no place for, and told the setting', () => {
    const fault = readImages({ ...PROMPT, n: 2, size: '512x512', seed: 1 }, BARE);
    expect(fault).toEqual(unsupported('n', 'size', 'seed'));
    for (const setting of ['images.count', 'images.width and images.height', 'images.seed']) {
      expect(fault).toMatchObject({ message: expect.stringContaining(`${setting} `) });
    }
  });

  test.each<[string, object]>([
    ['no prompt', { prompt: undefined }],
    ['an empty prompt', { prompt: '' }],
    ['no images', { n: 0 }],
    ['too many images', { n: 5 }],
    ['half an image', { n: 1.5 }],
    ['a number in words', { n: '2' }],
    ['a size that is none', { size: 'large' }],
    ['a size and more before it', { size: 'x512x512' }],
    ['a size and more behind it', { size: '512x512px' }],
    ['a size in a list', { size: ['512x512'] }],
    ['a side that is too long', { size: '1032x512' }],
    ['a side that is too short', { size: '512x8' }],
    ['a side between the steps', { size: '512x516' }],
    ['a seed below 0', { seed: -1 }],
    ['a seed that is not exact', { seed: 2 ** 53 }],
  ])('is a bad one with %s', (_, more) => {
    const [name] = Object.keys(more);
    expect(readImages({ ...PROMPT, ...more }, FULL)).toEqual({ type: 'bad', message: `${name}: expected ${EXPECTED.get(name ?? '')}` });
  });
});
