import { presetNames, readPreset } from '../config/presets.ts';
import { describeFaults } from '../config/problem.ts';
import { EXIT } from './exit-codes.ts';
import { summaryOf } from './presets-summary.ts';
import { renderPreset, renderPresets } from './presets-view.ts';
import { UsageError } from './settings.ts';
import type { Terminal } from './terminal.ts';

export interface PresetsOptions {
  /** One preset; undefined: all of them. */
  readonly name: string | undefined;
  readonly json: boolean;
}

/**
 * Lists the presets, or shows one. Returns the exit code.
 * @throws UsageError if there is none of that name.
 */
export function presets({ name, json }: PresetsOptions, terminal: Terminal): number {
  terminal.out(name === undefined ? everyPreset(json, terminal.width) : onePreset(name, json));
  return EXIT.fine;
}

function everyPreset(json: boolean, width: number | null): string {
  const summaries = presetNames().map((name) => summaryOf(readPreset(name)));
  return json ? asJson(summaries) : renderPresets(summaries, width);
}

function onePreset(name: string, json: boolean): string {
  const candidates = presetNames();
  if (!candidates.includes(name)) throw new UsageError(unknown(name, candidates));
  const preset = readPreset(name);
  return json ? asJson(preset) : renderPreset(preset);
}

/** In the words that `check` has for a misspelt name. */
function unknown(word: string, candidates: readonly string[]): string {
  const fault = { pointer: '', at: 0, expected: `one of the presets ${candidates.join(', ')}`, got: JSON.stringify(word), misspelt: { word, candidates } };
  const [problem] = describeFaults([fault], { file: '', lines: [0], marks: new Map(), show: () => '' });
  return problem?.message ?? fault.expected;
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
