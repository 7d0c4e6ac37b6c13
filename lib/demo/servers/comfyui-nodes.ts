import { CHECKPOINT, LOADER } from './comfyui-graph.ts';

const SAMPLERS = ['euler', 'euler_ancestral', 'dpmpp_2m'];
const SCHEDULERS = ['normal', 'karras', 'simple'];
const SIZE = ['INT', { default: 512, min: 16, max: 16_384, step: 8 }];
const TEXT = ['STRING', { multiline: true }];

/** What `/object_info` says of the nodes that there are. */
export const NODES: Readonly<Record<string, unknown>> = {
  [LOADER]: node(LOADER, { ckpt_name: [[CHECKPOINT]] }, ['MODEL', 'CLIP', 'VAE']),
  CLIPTextEncode: node('CLIPTextEncode', { text: TEXT, clip: ['CLIP'] }, ['CONDITIONING']),
  EmptyLatentImage: node('EmptyLatentImage', { width: SIZE, height: SIZE, batch_size: ['INT', { default: 1, min: 1, max: 4096 }] }, ['LATENT']),
  KSampler: node('KSampler', samplerInputs(), ['LATENT']),
  VAEDecode: node('VAEDecode', { samples: ['LATENT'], vae: ['VAE'] }, ['IMAGE']),
  SaveImage: node('SaveImage', { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] }, []),
  PreviewImage: node('PreviewImage', { images: ['IMAGE'] }, []),
  LoadImage: node('LoadImage', { image: [[], { image_upload: true }] }, ['IMAGE', 'MASK']),
};

function samplerInputs(): Readonly<Record<string, unknown>> {
  return {
    model: ['MODEL'],
    seed: ['INT', { default: 0, min: 0 }],
    steps: ['INT', { default: 20, min: 1, max: 10_000 }],
    cfg: ['FLOAT', { default: 8, min: 0, max: 100 }],
    sampler_name: [SAMPLERS],
    scheduler: [SCHEDULERS],
    positive: ['CONDITIONING'],
    negative: ['CONDITIONING'],
    latent_image: ['LATENT'],
    denoise: ['FLOAT', { default: 1, min: 0, max: 1 }],
  };
}

function node(name: string, required: Readonly<Record<string, unknown>>, output: readonly string[]): unknown {
  return {
    input: { required },
    input_order: { required: Object.keys(required) },
    output,
    output_is_list: output.map(() => false),
    output_name: output,
    name,
    display_name: name,
    description: '',
    python_module: 'nodes',
    category: 'sd',
    output_node: output.length === 0,
  };
}
