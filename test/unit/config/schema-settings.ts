import { readFileSync } from 'node:fs';
import { entriesOf, itemsOf, memberOf, textOf } from '../../../lib/config/tree.ts';

/** One setting of the schema as the docs write it, such as `consumers.NAME.load.timeout`. */
export interface Setting {
  readonly key: string;
  readonly type: string;
  /** As one would write it; `required`, or a dash for none. */
  readonly default: string;
  readonly description: string;
}

const SCHEMA: unknown = JSON.parse(readFileSync('schemas/config.schema.json', 'utf8'));

/** Every setting that holds a value, sections left out. */
export function settings(): Setting[] {
  return walk(SCHEMA, '').filter((setting, index, all) => all.findIndex((other) => other.key === setting.key) === index);
}

function walk(section: unknown, prefix: string): Setting[] {
  const required = itemsOf(memberOf(section, 'required'));
  const named = entriesOf(memberOf(section, 'properties')).flatMap(([name, property]) => {
    const inner = follow(property);
    if (isSection(inner)) return walk(inner, `${prefix}${name === 'tts' || name === 'stt' || name === 'llm' || name === 'image' ? 'KIND' : name}.`);
    const description = textOf(property, 'description') ?? textOf(inner, 'description') ?? '';
    const fallback = required.includes(name) ? 'required' : written(memberOf(property, 'default'));
    return [{ key: prefix + name, type: typeWord(name, inner), default: fallback, description }];
  });
  const open = follow(memberOf(section, 'additionalProperties'));
  return [...named, ...(isSection(open) ? walk(open, `${prefix}NAME.`) : [])];
}

function follow(schema: unknown): unknown {
  const reference = memberOf(schema, '$ref');
  return typeof reference === 'string' ? memberOf(memberOf(SCHEMA, 'definitions'), reference.replace('#/definitions/', '')) : schema;
}

/** Headers are a mapping of free names, so they are one setting. */
function isSection(schema: unknown): boolean {
  return memberOf(schema, 'properties') !== undefined || memberOf(follow(memberOf(schema, 'additionalProperties')), 'properties') !== undefined;
}

function typeWord(name: string, schema: unknown): string {
  const values = itemsOf(memberOf(schema, 'enum'));
  if (values.length > 0) return values.join(', ');
  if (name.endsWith('_mib')) return 'MiB';
  const unit = memberOf(schema, 'unit');
  if (typeof unit === 'string') return unit.replace(/_.*$/, '');
  const words = new Map([['string', 'text'], ['array', 'list'], ['object', 'mapping']]);
  const type = textOf(schema, 'type') ?? 'any JSON';
  return words.get(type) ?? type;
}

function written(value: unknown): string {
  if (value === undefined) return '–';
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
