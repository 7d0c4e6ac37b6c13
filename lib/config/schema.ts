import type { ErrorObject } from 'ajv';
import type { Pointer } from './pointer.ts';
import type { AccessKey, ConfigFile } from './types.gen.ts';
import { validateFile, validateKeys as validateKeyList } from './validators.ts';

/** One thing that the schema finds wrong. */
export interface SchemaError {
  readonly pointer: Pointer;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The schema that has the keyword. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The value that it judges. */
  readonly data: unknown;
  /** Where it judges the name of a member, that name. */
  readonly propertyName: string | null;
}

export type Validation = { readonly ok: true; readonly file: ConfigFile } | { readonly ok: false; readonly errors: readonly SchemaError[] };

/**
 * Checks a value against the schema and, in place, fills in defaults and turns durations into ms and sizes into bytes.
 * A value that failed is half converted: use a fresh copy for another try.
 */
export function validate(value: unknown): Validation {
  if (validateFile(value)) return { ok: true, file: value };
  return { ok: false, errors: (validateFile.errors ?? []).map(plainError) };
}

/** Checks what a file of keys holds. */
export function validateKeys(value: unknown): { readonly keys: readonly AccessKey[]; readonly errors: readonly SchemaError[] } {
  if (validateKeyList(value)) return { keys: value, errors: [] };
  return { keys: [], errors: (validateKeyList.errors ?? []).map(plainError) };
}

function plainError(error: ErrorObject): SchemaError {
  const { instancePath, keyword, params, parentSchema = {}, data, propertyName = null } = error;
  return { pointer: instancePath, keyword, params, schema: parentSchema, data, propertyName };
}
