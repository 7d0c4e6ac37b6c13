import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { packageFolder } from '../version.ts';
import { MODELS } from './servers/ollama-models.ts';
import type { Fleet } from './fleet.ts';

/** Where the demo's parts are. */
export interface DemoPlaces {
  readonly listen: string;
  readonly fleet: Fleet;
  readonly stateFile: string;
  /** Argument vector up to the action (`start` or `stop`), and what follows it. */
  readonly unit: { readonly command: readonly string[]; readonly socket: string };
  /** May do everything, also in a browser. */
  readonly adminKey: string;
}

/**
 * The configuration of the demo: the shipped one's four consumers at the simulated servers. One difference lets all four be
 * seen making room: speech to text goes to whisper-server.
 */
export function demoConfig({ listen, fleet, stateFile, unit, adminKey }: DemoPlaces): unknown {
  const [model] = MODELS;
  const unitCommand = (action: string) => ({ command: [...unit.command, action, unit.socket] });
  return {
    listen,
    state: { file: stateFile },
    history: { path: 'history.db' },
    access: { allow: ['loopback'], keys: [{ name: 'demo', sha256: createHash('sha256').update(adminKey).digest('hex'), scopes: ['infer', 'read', 'admin'] }] },
    gpu: { poll_interval: '1s' },
    health: { interval: '1s' },
    routing: { tts: 'mvoice', stt: 'whisper-server', llm: 'ollama', image: 'comfyui' },
    audio_proxy: 'mvoice',
    models: {
      // Without its own name Ollama would be asked for the alias, which it does not know.
      [model.name]: { consumer: 'ollama', aliases: ['gpt-4o-mini'] },
      'ollama/*': { consumer: 'ollama', use_model_name: '*' },
      'tts-1': { consumer: 'mvoice' },
      'whisper-1': { consumer: 'whisper-server' },
      'text-to-image': { consumer: 'comfyui' },
    },
    consumers: {
      mvoice: {
        preset: 'mvoice',
        url: fleet.url('mvoice'),
        vram_resident_mib: 2800,
        priority: 3,
      },
      'whisper-server': {
        preset: 'whisper.cpp',
        url: fleet.url('whisper'),
        vram_resident_mib: 1500,
        load: unitCommand('start'),
        unload: unitCommand('stop'),
      },
      ollama: {
        preset: 'ollama',
        url: fleet.url('ollama'),
        vram_resident_mib: model.mib,
      },
      comfyui: {
        preset: 'comfyui',
        url: fleet.url('comfyui'),
        vram_resident_mib: 12500,
        images: {
          workflow_file: join(packageFolder(), 'config', 'workflows', 'text-to-image.json'),
          prompt: { node: 'Positive Prompt', input: 'text' },
          width: { node: 'Empty Latent Image', input: 'width' },
          height: { node: 'Empty Latent Image', input: 'height' },
          count: { node: 'Empty Latent Image', input: 'batch_size' },
          seed: { node: 'KSampler', input: 'seed' },
        },
      },
    },
  };
}
