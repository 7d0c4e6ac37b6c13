import type { ImageTemplate } from '../config/types.ts';
import { anything, checkParams, only, someText, textOf, valueOf, whole } from './params.ts';
import type { ParamFault, Params, Rule } from './params.ts';
import type { Size } from './workflow.ts';

/** Which images are wanted. */
export interface ImageRequest {
  readonly type: 'images';
  readonly prompt: string;
  readonly count: number;
  /** null: the workflow's own. */
  readonly size: Size | null;
  /** null: any. */
  readonly seed: number | null;
}

const SIZE = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/;
/** What ComfyUI's latent images take: a smallest side, and a step, px. */
const SMALLEST_SIDE = 16;
const SIDE_STEP = 8;

/** Reads the parameters of POST /v1/images/generations for a ComfyUI workflow. */
export function readImages(params: Params, template: ImageTemplate): ImageRequest | ParamFault {
  const fault = checkParams(params, rulesFor(template));
  if (fault !== null) return fault;
  const size = textOf(params, 'size');
  return {
    type: 'images',
    prompt: textOf(params, 'prompt') ?? '',
    count: numberIn(params, 'n') ?? 1,
    size: size === null ? null : sizeIn(size),
    seed: numberIn(params, 'seed'),
  };
}

function rulesFor({ inputs, maxCount, maxSide }: ImageTemplate): Readonly<Record<string, Rule>> {
  const auto = only(['auto'], 'only auto');
  return {
    model: anything,
    prompt: someText,
    n: inputs.count === undefined ? only([1], 'only 1: images.count is not configured') : whole(1, maxCount, `a whole number from 1 to ${maxCount} (images.max_count)`),
    size: inputs.width === undefined || inputs.height === undefined ? only(['auto'], 'only auto: images.width and images.height are not configured') : sizeRule(maxSide),
    seed: inputs.seed === undefined ? only([], 'images.seed is not configured') : whole(0, Number.MAX_SAFE_INTEGER),
    response_format: only(['b64_json'], 'only b64_json'),
    output_format: only(['png'], 'only png'),
    output_compression: only([100], 'only 100'),
    quality: auto,
    style: auto,
    background: auto,
    moderation: auto,
    stream: only([false], 'the answer comes as a whole'),
    partial_images: only([0], 'only 0'),
    // Whom a client asks for: it changes nothing about the images.
    user: anything,
  };
}

function sizeRule(maxSide: number): Rule {
  return (value) => {
    if (value === undefined || value === 'auto') return null;
    const size = typeof value === 'string' ? sizeIn(value) : null;
    const isFine = size !== null && [size.width, size.height].every((side) => side >= SMALLEST_SIDE && side <= maxSide && side % SIDE_STEP === 0);
    const what = `auto or WIDTHxHEIGHT, each a multiple of ${SIDE_STEP} from ${SMALLEST_SIDE} to ${maxSide} (images.max_side)`;
    return isFine ? null : { type: 'bad', what };
  };
}

function sizeIn(text: string): Size | null {
  const [, width, height] = SIZE.exec(text) ?? [];
  return width === undefined || height === undefined ? null : { width: Number(width), height: Number(height) };
}

function numberIn(params: Params, name: string): number | null {
  const value = valueOf(params, name);
  return typeof value === 'number' ? value : null;
}
