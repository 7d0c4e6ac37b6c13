import { crossCheck } from './crosschecks.ts';
import { convert, isPlaceholder, substitute, type Env, type Substituted } from './env.ts';
import { expandPresets } from './expand-presets.ts';
import type { Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { schemaFault } from './schema-faults.ts';
import { validate, type SchemaError, type Validation } from './schema.ts';
import { mapLeaves } from './tree.ts';
import type { ConfigFile } from './types.gen.ts';

/** A file's value after all checks. */
export interface Checked extends Substituted {
  /** The file with its defaults; null where the schema found faults. */
  readonly file: ConfigFile | null;
}

/** Replaces variables, fills in presets, then looks for everything that is wrong; of several faults of one place the most telling comes first. */
export function checkValue(value: unknown, env: Env): Checked {
  const substituted = expandPresets(substitute(value, env));
  const validation = validateConverted(substituted);
  const schemaFaults = validation.ok ? [] : validation.errors.map(schemaFault).filter((fault) => fault !== null);
  const faults = [...crossCheck(substituted.value), ...schemaFaults].map((fault) => hideMisspelt(fault, substituted));
  return { ...substituted, faults: [...substituted.faults, ...faults], file: validation.ok ? validation.file : null };
}

/** Validates; where a variable stands for a number or a boolean, validates again with it converted. */
function validateConverted(substituted: Substituted): Validation {
  const first = validate(mapLeaves(substituted.value, (leaf) => leaf));
  if (first.ok) return first;
  const converted = new Map(first.errors.flatMap((error) => conversion(error, substituted.templates)));
  if (converted.size === 0) return first;
  return validate(mapLeaves(substituted.value, (leaf, pointer) => converted.get(pointer) ?? leaf));
}

function conversion({ pointer, keyword, params, data }: SchemaError, templates: ReadonlyMap<Pointer, string>): [Pointer, number | boolean][] {
  if (keyword !== 'type' || typeof data !== 'string' || !isPlaceholder(templates.get(pointer) ?? '')) return [];
  const value = convert(data, String(params['type']));
  return value === null ? [] : [[pointer, value]];
}

/** A suggestion for what came from the environment would tell something about it. */
function hideMisspelt(fault: Fault, { templates }: Substituted): Fault {
  if (fault.at !== 'value' || !templates.has(fault.pointer)) return fault;
  return { ...fault, misspelt: undefined };
}
