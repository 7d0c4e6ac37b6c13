import type { Kind } from '../config/types.ts';
import { CHECKPOINT } from './servers/comfyui-graph.ts';
import { MODELS } from './servers/ollama-models.ts';
import { toneWav } from './servers/wav.ts';

/** A request that shows a kind at work, as sent to the broker. */
export interface DemoRequest {
  readonly kind: Kind;
  readonly method: 'POST';
  /** On the broker. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const SENTENCE = 'Four servers share one card, and none of them runs out of memory.';
const QUESTION = 'Why is the sky blue?';
const BOUNDARY = 'mgpumanager-demo';
const RECORDING_SECONDS = 1;
const JSON_TYPE = 'application/json';

/** The demo request of a kind. `seed` makes an image new: ComfyUI answers a workflow it has just run from its cache. */
export function demoRequest(kind: Kind, seed = 1): DemoRequest {
  const { type, body } = contentOf(kind, seed);
  const headers = { 'content-type': type, 'content-length': String(body.length) };
  return { kind, method: 'POST', path: `/v1/${kind}`, headers, body };
}

/** Lines to copy into a shell, one after the other; they do what `demoRequest` does, and keep the speech as `speech.wav`. */
export function curlLines(kind: Kind, baseUrl: string): readonly string[] {
  switch (kind) {
    case 'tts':
      return [speechLine(baseUrl)];
    case 'stt':
      // Something to listen to first.
      return [speechLine(baseUrl), `curl -sS ${baseUrl}/v1/stt -F file=@speech.wav`];
    case 'llm':
      return [`curl -sSN ${baseUrl}/v1/llm -H 'content-type: ${JSON_TYPE}' -d '${JSON.stringify(question())}'`];
    case 'image':
      return [`curl -sS ${baseUrl}/v1/image -H 'content-type: ${JSON_TYPE}' -d '${withFreshSeed(JSON.stringify(workflow(SEED_MARK)))}'`];
  }
}

function contentOf(kind: Kind, seed: number): { readonly type: string; readonly body: Buffer } {
  switch (kind) {
    case 'tts':
      return { type: JSON_TYPE, body: Buffer.from(JSON.stringify({ text: SENTENCE })) };
    case 'stt':
      return { type: `multipart/form-data; boundary=${BOUNDARY}`, body: form(toneWav(RECORDING_SECONDS)) };
    case 'llm':
      return { type: JSON_TYPE, body: Buffer.from(JSON.stringify(question())) };
    case 'image':
      return { type: JSON_TYPE, body: Buffer.from(JSON.stringify(workflow(seed))) };
  }
}

function question(): unknown {
  return { model: MODELS[0].name, prompt: QUESTION };
}

/** A form with one file, as `curl -F file=@speech.wav` makes it. */
function form(wav: Buffer): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="speech.wav"\r\nContent-Type: audio/wav\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), wav, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** The smallest useful ComfyUI workflow: checkpoint, two texts, sampler, decoder, image. */
function workflow(seed: number): unknown {
  const node = (type: string, inputs: object): object => ({ class_type: type, inputs });
  const texts = { positive: ['6', 0], negative: ['7', 0] };
  const sampling = { seed, steps: 8, cfg: 7, sampler_name: 'euler', scheduler: 'normal', denoise: 1 };
  const prompt = {
    3: node('KSampler', { model: ['4', 0], ...texts, latent_image: ['5', 0], ...sampling }),
    4: node('CheckpointLoaderSimple', { ckpt_name: CHECKPOINT }),
    5: node('EmptyLatentImage', { width: 512, height: 512, batch_size: 1 }),
    6: node('CLIPTextEncode', { text: 'a graphics card on a quiet beach', clip: ['4', 1] }),
    7: node('CLIPTextEncode', { text: 'out of memory', clip: ['4', 1] }),
    8: node('VAEDecode', { samples: ['3', 0], vae: ['4', 2] }),
    9: node('SaveImage', { filename_prefix: 'ComfyUI', images: ['8', 0] }),
  };
  return { prompt };
}

/** No seed of a demo request, so that it can be found in the text. */
const SEED_MARK = 123_456_789;

function withFreshSeed(json: string): string {
  return json.replace(String(SEED_MARK), () => `'$(date +%s)'`);
}

/** Speaks, and fetches the audio from where the answer says it is. */
function speechLine(baseUrl: string): string {
  const speak = `curl -sS ${baseUrl}/v1/tts -H 'content-type: ${JSON_TYPE}' -d '${JSON.stringify({ text: SENTENCE })}'`;
  const audioUrl = `sed -n 's/.*"audio_url":"\\([^"]*\\)".*/\\1/p'`;
  return `curl -sS -o speech.wav ${baseUrl}"$(${speak} | ${audioUrl})"`;
}
