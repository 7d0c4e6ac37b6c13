import { isPlaceholder } from './env.ts';
import { segments, type Pointer } from './pointer.ts';
import { itemsOf, memberOf } from './tree.ts';

/** Longer texts are cut in messages. */
const LONGEST = 60;

/**
 * How the value at a pointer may be shown in a message. What came from the environment, a header, a command, or a user name or a query
 * in a URL may be a secret, so its text is never part of the answer.
 */
export function showAt(root: unknown, templates: ReadonlyMap<Pointer, string>, pointer: Pointer): string {
  const template = templates.get(pointer);
  if (template !== undefined) return isPlaceholder(template) ? `the value of ${template}` : quote(template);
  const value = valueAt(root, pointer);
  if (typeof value !== 'string' || value === '') return show(value);
  if (isSecretPlace(pointer) || /:\/\/.*@/.test(value)) return 'a text that is not shown here';
  return quote(value.replace(/\?.+$/s, '?…'));
}

/** Somebody may have written a key where its hash belongs. */
function isSecretPlace(pointer: Pointer): boolean {
  const names = segments(pointer);
  return names.includes('headers') || names.includes('command') || /^\/access\/keys(?:\/|$)/.test(pointer);
}

/** A value in a few words. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}

function valueAt(root: unknown, pointer: Pointer): unknown {
  return segments(pointer).reduce((value, key) => (Array.isArray(value) ? itemsOf(value)[Number(key)] : memberOf(value, key)), root);
}
