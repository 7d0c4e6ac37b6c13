import { child } from './pointer.ts';
import type { Fault } from './problem.ts';
import type { SchemaError } from './schema.ts';
import { entriesOf, itemsOf } from './tree.ts';
import { readMeasure, type Unit } from './units.ts';

const TYPE_WORDS = new Map([
  ['object', 'a mapping'],
  ['array', 'a list'],
  ['string', 'a text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
]);

type Describe = (error: SchemaError) => Fault | null;

const DESCRIBE = new Map<string, Describe>([
  ['additionalProperties', unknownKey],
  ['required', missingKey],
  ['type', typeFault],
  ['pattern', patternFault],
  ['unit', unitFault],
  ['enum', enumFault],
  ['minimum', ({ pointer, params }) => ({ pointer, at: 'value', expected: `at least ${text(params['limit'])}` })],
  ['maximum', ({ pointer, params }) => ({ pointer, at: 'value', expected: `at most ${text(params['limit'])}` })],
  ['minItems', ({ pointer }) => ({ pointer, at: 'key', expected: 'at least one entry' })],
  ['minProperties', ({ pointer }) => ({ pointer, at: 'key', expected: 'at least one entry' })],
  ['minLength', ({ pointer }) => ({ pointer, at: 'value', expected: 'a text that is not empty' })],
  ['uniqueItems', repeatedItem],
  // The name's own fault says more.
  ['propertyNames', () => null],
]);

/** Puts an error of the schema into words; null where another error of the same place says it better. */
export function schemaFault(error: SchemaError): Fault | null {
  const describe = DESCRIBE.get(error.keyword);
  if (describe !== undefined) return describe(error);
  return { pointer: error.pointer, at: 'value', expected: `what "${error.keyword}" of the schema asks for` };
}

function unknownKey({ pointer, params, schema }: SchemaError): Fault {
  const word = text(params['additionalProperty']);
  const candidates = entriesOf(schema['properties']).map(([name]) => name);
  const expected = `one of the keys ${candidates.join(', ')}`;
  return { pointer: child(pointer, word), at: 'key', expected, got: JSON.stringify(word), misspelt: { word, candidates } };
}

function missingKey({ pointer, params }: SchemaError): Fault {
  return { pointer: child(pointer, text(params['missingProperty'])), at: 'key', expected: 'this required key', got: 'none' };
}

function typeFault({ pointer, params, schema }: SchemaError): Fault {
  const type = text(params['type']);
  return { pointer, at: 'value', expected: patternWords(schema) ?? TYPE_WORDS.get(type) ?? type };
}

function patternFault({ pointer, params, schema, propertyName }: SchemaError): Fault | null {
  if ('unit' in schema) return null;
  const expected = patternWords(schema) ?? `a text that matches ${text(params['pattern'])}`;
  if (propertyName === null) return { pointer, at: 'value', expected };
  return { pointer: child(pointer, propertyName), at: 'key', expected, got: JSON.stringify(propertyName) };
}

function unitFault({ pointer, schema, data }: SchemaError): Fault | null {
  const measure = readMeasure(unitOf(schema['unit']), text(data));
  return measure.ok ? null : { pointer, at: 'value', expected: measure.expected };
}

function enumFault({ pointer, schema, data }: SchemaError): Fault {
  const candidates = itemsOf(schema['enum']).map(text);
  return { pointer, at: 'value', expected: `one of ${candidates.join(', ')}`, misspelt: { word: text(data), candidates } };
}

function repeatedItem({ pointer, params }: SchemaError): Fault {
  const later = Math.max(Number(params['i']), Number(params['j']));
  return { pointer: child(pointer, later), at: 'value', expected: 'each entry once' };
}

/** What the schema itself says about its pattern, without the word that begins every message. */
function patternWords(schema: SchemaError['schema']): string | null {
  const words = schema['patternErrorMessage'];
  return typeof words === 'string' ? words.replace(/^expected /, '') : null;
}

function unitOf(value: unknown): Unit {
  return value === 'size' || value === 'duration_or_zero' || value === 'duration_in_days' ? value : 'duration';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
