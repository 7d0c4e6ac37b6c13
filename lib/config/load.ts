import { dirname } from 'node:path';
import { checkValue } from './check.ts';
import type { Env } from './env.ts';
import { readKeys } from './keys.ts';
import { lineStarts } from './marks.ts';
import { describeFaults, type FaultContext, type Problem } from './problem.ts';
import { LARGEST_FILE, readText } from './read-file.ts';
import { resolveConfig } from './resolve.ts';
import { showAt } from './show.ts';
import type { Config } from './types.ts';
import { configWarnings } from './warnings.ts';
import { readWorkflows } from './workflow.ts';
import { readYaml } from './yaml.ts';

/** A configuration, or everything that is wrong with it, sorted by position. */
export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads, checks and resolves a configuration file. Never throws, whatever the path and the file hold. */
export function loadConfig(path: string, env: Env): LoadResult {
  const file = readText(path);
  return file.ok ? parseConfig(file.text, path, env) : noText(path, file.got);
}

/** Checks and resolves the text of a configuration; `fileName` is for the messages, and files that it names are beside that one. Never throws. */
export function parseConfig(text: string, fileName: string, env: Env): LoadResult {
  // A text has at most as many UTF-16 units as bytes, so the cheap look comes first.
  if (text.length > LARGEST_FILE || Buffer.byteLength(text) > LARGEST_FILE) return noText(fileName, 'more than 1 MiB');
  const plain = text.replace(/^\ufeff/, '');
  const place = { file: fileName, lines: lineStarts(plain) };
  const yaml = readYaml(plain);
  if (!yaml.ok) return { ok: false, problems: describeFaults(yaml.faults, { ...place, marks: new Map(), show: () => 'nothing' }) };
  const { value, templates, file, faults } = checkValue(yaml.value, env);
  const context: FaultContext = { ...place, marks: yaml.marks, show: (pointer) => showAt(value, templates, pointer) };
  const workflows = readWorkflows(value, dirname(fileName));
  const keys = readKeys(value, dirname(fileName));
  const problems = [...describeFaults([...yaml.faults, ...faults, ...workflows.faults, ...keys.faults], context), ...keys.problems];
  if (problems.length > 0 || file === null) return { ok: false, problems };
  const config = resolveConfig(file, { workflows: workflows.byConsumer, furtherKeys: keys.keys });
  return { ok: true, config, warnings: describeFaults(configWarnings(config), context) };
}

function noText(file: string, got: string): LoadResult {
  const message = `expected a configuration file of at most 1 MiB of UTF-8 text, got ${got}`;
  return { ok: false, problems: [{ file, line: null, column: null, where: '', message }] };
}
