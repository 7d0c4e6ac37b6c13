import { MODELS } from './servers/ollama-models.ts';
import type { Fleet } from './fleet.ts';

/** Where the demo's parts are. */
export interface DemoPlaces {
  readonly listen: string;
  readonly fleet: Fleet;
  readonly stateFile: string;
  /** Argument vector up to the action (`start` or `stop`), and what follows it. */
  readonly unit: { readonly command: readonly string[]; readonly socket: string };
}

/**
 * The configuration of the demo: CONTRACT's four consumers at the simulated servers. Two differences let all four be seen
 * making room: speech to text goes to whisper-server, and Ollama is unloaded by its own call instead of by itself.
 */
export function demoConfig({ listen, fleet, stateFile, unit }: DemoPlaces): unknown {
  const [model] = MODELS;
  const unitCommand = (action: string) => ({ command: [...unit.command, action, unit.socket] });
  return {
    listen,
    state: { file: stateFile },
    access: { allow: ['loopback'] },
    gpu: { poll_interval: '1s' },
    health: { interval: '1s' },
    routing: { tts: 'mvoice', stt: 'whisper-server', llm: 'ollama', image: 'comfyui' },
    audio_proxy: 'mvoice',
    consumers: {
      mvoice: {
        url: fleet.url('mvoice'),
        health: { path: '/api/health' },
        paths: { tts: { path: '/api/synthesize' }, stt: { path: '/api/transcribe' } },
        vram_resident_mib: 2800,
        load: { path: '/api/admin/load' },
        unload: { path: '/api/admin/unload' },
        priority: 3,
      },
      'whisper-server': {
        url: fleet.url('whisper'),
        paths: { stt: { path: '/inference' } },
        vram_resident_mib: 1500,
        load: unitCommand('start'),
        unload: unitCommand('stop'),
      },
      ollama: {
        url: fleet.url('ollama'),
        health: { path: '/api/version' },
        paths: { llm: { path: '/api/generate' } },
        vram_resident_mib: model.mib,
        unload: { path: '/api/generate', body: { model: model.name, keep_alive: 0 } },
      },
      comfyui: {
        url: fleet.url('comfyui'),
        health: { path: '/system_stats' },
        paths: { image: { path: '/prompt' } },
        vram_resident_mib: 12500,
        unload: { path: '/free', body: { unload_models: true, free_memory: true } },
        busy: { path: '/prompt', pointer: '/exec_info/queue_remaining' },
      },
    },
  };
}
