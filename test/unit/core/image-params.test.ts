import { describe, expect, test } from '@jest/globals';
import type { ImageTemplate } from '../../../lib/config/types.ts';
import { readImages } from '../../../lib/core/image-params.ts';

const place = { node: '1', input: 'x' };
const FULL: ImageTemplate = { nodes: {}, inputs: { prompt: place, width: place, height: place, seed: place, count: place }, output: null, maxCount: 4, maxSide: 1024 };
const BARE: ImageTemplate = { ...FULL, inputs: { prompt: place } };
const PROMPT = { model: 'dall-e-3', prompt: 'a cat' };
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

  test.each<[string, unknown]>([
    ['response_format', 'url'],
    ['quality', 'hd'],
    ['style', 'vivid'],
    ['background', 'transparent'],
    ['moderation', 'low'],
    ['output_format', 'webp'],
    ['output_compression', 50],
    ['stream', true],
    ['partial_images', 2],
    ['negative_prompt', 'dogs'],
  ])('is refused for %s as %p', (name, value) => {
    expect(readImages({ ...PROMPT, [name]: value }, FULL)).toEqual(unsupported(name));
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
    ['a side that is too long', { size: '1032x512' }],
    ['a side that is too short', { size: '512x8' }],
    ['a side between the steps', { size: '512x516' }],
    ['a seed below 0', { seed: -1 }],
    ['a seed that is not exact', { seed: 2 ** 53 }],
  ])('is a bad one with %s', (_, more) => {
    const [name] = Object.keys(more);
    expect(readImages({ ...PROMPT, ...more }, FULL)).toMatchObject({ type: 'bad', message: expect.stringContaining(`${name}: expected `) });
  });
});
