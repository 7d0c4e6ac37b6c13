import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../version.ts';
import { entriesOf, isRecord, itemsOf, memberOf, textOf } from './tree.ts';
import { readYaml } from './yaml.ts';

/** What a preset leaves to the user. */
export interface PresetVariable {
  readonly name: string;
  readonly about: string;
  /** null: without a value what needs it is left out. */
  readonly default: string | null;
}

/** What a server of this kind answers, and no other does. */
export interface Recognition {
  /** Asked by GET. */
  readonly path: string;
  /** JSON pointers to what a good answer has. */
  readonly has: readonly string[];
  /** JSON pointers to what it has not. */
  readonly lacks: readonly string[];
  /** Text in a good answer; null: any. */
  readonly contains: string | null;
}

/** A known server: settings of a consumer, as they would stand in the file, and what people should know. */
export interface Preset {
  readonly name: string;
  readonly title: string;
  /** Where the server is at home. */
  readonly server: string;
  readonly recognise: Recognition;
  readonly variables: readonly PresetVariable[];
  /** Flags and settings that the server needs, one sentence each. */
  readonly needs: readonly string[];
  /** What the preset cannot do, one sentence each. */
  readonly limits: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The folder with one file for each preset. */
export function presetFolder(): string {
  return join(packageFolder(), 'config', 'presets');
}

/** All presets' names, sorted. */
export function presetNames(): string[] {
  return readdirSync(presetFolder())
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .toSorted();
}

const known = new Map<string, Preset>();

/** A preset, read once. @throws Error if its file is missing or not a preset: the installation is broken. */
export function readPreset(name: string): Preset {
  const preset = known.get(name) ?? parsePreset(name, presetText(name));
  known.set(name, preset);
  return preset;
}

/** A preset's file as it is. */
export function presetText(name: string): string {
  return readFileSync(join(presetFolder(), `${name}.yaml`), 'utf8');
}

function parsePreset(name: string, text: string): Preset {
  const yaml = readYaml(text);
  const value = yaml.ok ? yaml.value : null;
  const settings = memberOf(value, 'settings');
  const title = textOf(value, 'title');
  const server = textOf(value, 'server');
  if (!yaml.ok || !isRecord(settings) || title === null || server === null) throw new Error(`config/presets/${name}.yaml is not a preset`);
  const variables = entriesOf(memberOf(value, 'variables')).map(([variable, about]) => variableOf(variable, about));
  const recognise = recognitionOf(memberOf(value, 'recognise'));
  return { name, title, server, recognise, variables, needs: sentences(value, 'needs'), limits: sentences(value, 'limits'), settings };
}

function recognitionOf(value: unknown): Recognition {
  return { path: textOf(value, 'path') ?? '/', has: sentences(value, 'has'), lacks: sentences(value, 'lacks'), contains: textOf(value, 'contains') };
}

function variableOf(name: string, value: unknown): PresetVariable {
  return { name, about: textOf(value, 'about') ?? '', default: textOf(value, 'default') };
}

function sentences(value: unknown, key: string): string[] {
  return itemsOf(memberOf(value, key)).filter((item) => typeof item === 'string');
}
