import type { Preset } from '../config/presets.ts';
import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import { OPERATIONS, type Operation } from '../core/operations.ts';

/** What sets one preset apart from the others; null: it has none. */
export interface PresetSummary {
  readonly name: string;
  readonly title: string;
  readonly port: number;
  /** `call`, or `call for each model`. */
  readonly unload: string | null;
  /** What an unload does to running work. */
  readonly running_work: string | null;
  /** Path that tells whether the weights are in VRAM. */
  readonly residency: string | null;
  /** `asked`: whether the server works; `by job`: each job is followed to its end. */
  readonly busy: string | null;
  readonly client_gone: string;
  /** Whose paths it takes: `OpenAI`, `OpenAI, Anthropic`, or `OpenAI, translated`. */
  readonly apis: string | null;
}

/** @throws Error if the preset has no URL with a port: the installation is broken. */
export function summaryOf({ name, title, settings }: Preset): PresetSummary {
  const unload = memberOf(settings, 'unload');
  const ways = [memberOf(settings, 'busy') === undefined ? [] : ['asked'], memberOf(settings, 'completion') === undefined ? [] : ['by job']].flat();
  return {
    name,
    title,
    port: Number(new URL(textOf(settings, 'url') ?? '').port),
    unload: unload === undefined ? null : memberOf(unload, 'for_each_loaded') === true ? 'call for each model' : 'call',
    running_work: unload === undefined ? null : (textOf(unload, 'in_flight') ?? 'unknown'),
    residency: textOf(memberOf(settings, 'residency'), 'path'),
    busy: ways.length === 0 ? null : ways.join(', '),
    client_gone: textOf(settings, 'client_gone') ?? 'close',
    apis: apisOf(settings),
  };
}

const API_NAMES: Readonly<Record<Operation['tongue'], string>> = { openai: 'OpenAI', anthropic: 'Anthropic', ollama: 'Ollama' };

function apisOf(settings: unknown): string | null {
  if (textOf(settings, 'path_style') !== null) return 'OpenAI, translated';
  const own = itemsOf(memberOf(settings, 'gpu_paths'));
  const names = OPERATIONS.filter(({ path }) => own.includes(`POST ${path}`)).map(({ tongue }) => API_NAMES[tongue]);
  return names.length === 0 ? null : [...new Set(names)].join(', ');
}
