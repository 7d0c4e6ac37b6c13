import { _, Ajv } from 'ajv';
import type { CodeOptions, KeywordCxt } from 'ajv';
import schema from '../../schemas/config.schema.json' with { type: 'json' };
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
  ajv.addSchema(schema);
  ajv.addSchema({ $id: KEYS_ID, $ref: `${schema.$id}#/definitions/AccessKeys` });
  return ajv;
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
