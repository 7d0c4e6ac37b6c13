import { Ajv, type ErrorObject } from 'ajv';
import schema from '../../schemas/config.schema.json' with { type: 'json' };
import type { Pointer } from './pointer.ts';
import type { AccessKey, ConfigFile } from './types.gen.ts';
import { readMeasure, type Unit } from './units.ts';

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

const ajv = new Ajv({ allErrors: true, strict: true, useDefaults: true, verbose: true, ownProperties: true });
// Read by the type generator and by editors.
ajv.addVocabulary(['tsType', 'patternErrorMessage']);
ajv.addKeyword({
  keyword: 'unit',
  type: 'string',
  schemaType: 'string',
  modifying: true,
  errors: false,
  compile: (unit: Unit) => (text: string, place?: Place) => {
    const measure = readMeasure(unit, text);
    if (measure.ok && place !== undefined) place.parentData[place.parentDataProperty] = measure.value;
    return measure.ok;
  },
});

interface Place {
  readonly parentData: Record<string | number, unknown>;
  readonly parentDataProperty: string | number;
}

const validator = ajv.compile<ConfigFile>(schema);
const keysValidator = ajv.compile<AccessKey[]>({ $ref: `${schema.$id}#/definitions/AccessKeys` });

/**
 * Checks a value against the schema and, in place, fills in defaults and turns durations into ms and sizes into bytes.
 * A value that failed is half converted: use a fresh copy for another try.
 */
export function validate(value: unknown): Validation {
  if (validator(value)) return { ok: true, file: value };
  return { ok: false, errors: (validator.errors ?? []).map(plainError) };
}

/** Checks what a file of keys holds. */
export function validateKeys(value: unknown): { readonly keys: readonly AccessKey[]; readonly errors: readonly SchemaError[] } {
  if (keysValidator(value)) return { keys: value, errors: [] };
  return { keys: [], errors: (keysValidator.errors ?? []).map(plainError) };
}

function plainError(error: ErrorObject): SchemaError {
  const { instancePath, keyword, params, parentSchema = {}, data, propertyName = null } = error;
  return { pointer: instancePath, keyword, params, schema: parentSchema, data, propertyName };
}
