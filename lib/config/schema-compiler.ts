import { _, Ajv } from 'ajv';
import type { CodeOptions, KeywordCxt } from 'ajv';
import schema from '../../schemas/config.schema.json' with { type: 'json' };
import { isRecord } from './tree.ts';
import { convertUnit } from './units.ts';

/** The schema of a file of keys. */
export const KEYS_ID = 'keys';
export const FILE_ID = schema.$id;

/** ajv with our schemas and keywords, which makes functions of them, or with `code.source` the text of these: the build writes that down, as making it takes a quarter of the time of a start. */
export function schemaCompiler(code: CodeOptions = {}): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true, useDefaults: true, verbose: true, ownProperties: true, code });
  // Read by the type generator and by editors.
  ajv.addVocabulary(['tsType', 'patternErrorMessage']);
  ajv.addKeyword({ keyword: 'unit', type: 'string', schemaType: 'string', modifying: true, code: unitCode });
  ajv.addSchema(withoutProse(schema));
  ajv.addSchema({ $id: KEYS_ID, $ref: `${schema.$id}#/definitions/AccessKeys` });
  return ajv;
}

/** What is for readers only would be a third of the text that the build holds in memory. */
function withoutProse(node: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isProse = (key: string, value: unknown): boolean => (key === 'description' && typeof value === 'string') || (key === 'examples' && Array.isArray(value));
  const members = Object.entries(node).filter(([key, value]) => !isProse(key, value));
  return Object.fromEntries(members.map(([key, value]) => [key, isRecord(value) ? withoutProse(value) : value]));
}

/** `unit`: puts the measure in the place of its text. */
function unitCode(context: KeywordCxt): void {
  const { gen, data, it } = context;
  const unit = String(context.schema);
  const convert = gen.scopeValue('func', { ref: convertUnit, code: _`convertUnit` });
  const isConverted = gen.const('isConverted', _`${convert}(${unit}, ${data}, { of: ${it.parentData}, member: ${it.parentDataProperty} })`);
  gen.assign(data, _`${it.parentData}[${it.parentDataProperty}]`);
  context.fail(_`!${isConverted}`);
}
