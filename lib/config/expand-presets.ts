import type { Substituted } from './env.ts';
import { child, type Pointer } from './pointer.ts';
import { presetNames, readPreset, type Preset } from './presets.ts';
import type { Fault } from './problem.ts';
import { entriesOf, isRecord, mapLeaves, memberOf, textOf } from './tree.ts';

/** Of these each member is filled in by itself; of all others what the user writes replaces the preset's as a whole. */
const MERGED = new Set(['health', 'paths', 'timeouts']);
/** Left out as a whole where a variable without a value stands in them. */
const OPTIONAL = new Set(['load', 'unload']);
const VARIABLE = /\{([a-z][a-z0-9_]*)\}/g;

/** Fills in what presets say, under what the file says. An unknown preset is left for the schema to report. */
export function expandPresets(substituted: Substituted): Substituted {
  const consumers = memberOf(substituted.value, 'consumers');
  if (!isRecord(substituted.value) || !isRecord(consumers)) return substituted;
  const templates = new Map(substituted.templates);
  const faults = [...substituted.faults];
  const expanded = Object.entries(consumers).map(([name, consumer]): [string, unknown] => {
    const preset = presetOf(consumer);
    if (!isRecord(consumer)) return [name, consumer];
    // A misspelt preset is one fault, not also the lack of what it would have filled in.
    if (preset === null) return [name, typeof consumer['preset'] === 'string' ? { url: 'http://unknown.invalid', ...consumer } : consumer];
    const place = { pointer: child('/consumers', name), templates };
    faults.push(...variableFaults(consumer, preset, place.pointer));
    return [name, merge(filled(preset, consumer, place), consumer)];
  });
  return { value: { ...substituted.value, consumers: Object.fromEntries(expanded) }, templates, faults };
}

function presetOf(consumer: unknown): Preset | null {
  const name = textOf(consumer, 'preset');
  return name !== null && presetNames().includes(name) ? readPreset(name) : null;
}

function variableFaults(consumer: unknown, { name, variables }: Preset, pointer: Pointer): Fault[] {
  const candidates = variables.map((variable) => variable.name);
  return entriesOf(memberOf(consumer, 'variables')).flatMap(([word]) => {
    if (candidates.includes(word)) return [];
    const expected = candidates.length === 0 ? `no variables (preset ${name} has none)` : `a variable of preset ${name} (${candidates.join(', ')})`;
    return [{ pointer: child(child(pointer, 'variables'), word), at: 'key', expected, got: JSON.stringify(word), misspelt: { word, candidates } } satisfies Fault];
  });
}

interface Place {
  readonly pointer: Pointer;
  /** What came from the environment stays hidden wherever it is put. */
  readonly templates: Map<Pointer, string>;
}

/** The preset's settings with its variables filled in; hooks that need one without a value are left out. */
function filled(preset: Preset, consumer: unknown, { pointer, templates }: Place): Record<string, unknown> {
  const given = memberOf(consumer, 'variables');
  const values = new Map(preset.variables.map(({ name, default: value }) => [name, textOf(given, name) ?? value]));
  const usable = Object.entries(preset.settings).filter(([key, value]) => !OPTIONAL.has(key) || !needsMissing(value, values));
  const settings = mapLeaves(Object.fromEntries(usable), (leaf, at) => {
    if (typeof leaf !== 'string') return leaf;
    for (const [, name = ''] of leaf.matchAll(VARIABLE)) {
      const template = templates.get(child(child(pointer, 'variables'), name));
      if (template !== undefined) templates.set(pointer + at, template);
    }
    return leaf.replace(VARIABLE, (whole, name: string) => values.get(name) ?? whole);
  });
  return isRecord(settings) ? { ...settings } : {};
}

function needsMissing(value: unknown, values: ReadonlyMap<string, string | null>): boolean {
  let isMissing = false;
  mapLeaves(value, (leaf) => {
    const names = typeof leaf === 'string' ? [...leaf.matchAll(VARIABLE)].map(([, name = '']) => name) : [];
    isMissing ||= names.some((name) => values.get(name) === null);
    return leaf;
  });
  return isMissing;
}

function merge(preset: Readonly<Record<string, unknown>>, consumer: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const both = Object.entries(consumer).map(([key, value]): [string, unknown] => {
    const below = preset[key];
    return [key, MERGED.has(key) && isRecord(below) && isRecord(value) ? { ...below, ...value } : value];
  });
  return { ...preset, ...Object.fromEntries(both) };
}
