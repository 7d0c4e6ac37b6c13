import { child, type Pointer } from './pointer.ts';

/** Whether a value read from a file is a mapping. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entries of a mapping; none where the value is something else, so that faulty files can be walked too. */
export function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isRecord(value) ? Object.entries(value) : [];
}

/** The items of a list; none where the value is something else. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** One member of a mapping; undefined where there is none or the value is something else. */
export function memberOf(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** A text member of a mapping; null where there is none or it is something else. */
export function textOf(value: unknown, key: string): string | null {
  const member = memberOf(value, key);
  return typeof member === 'string' ? member : null;
}

/** A copy in which every scalar went through `change`. Keys such as `__proto__` stay ordinary keys. */
export function mapLeaves(value: unknown, change: (leaf: unknown, pointer: Pointer) => unknown, pointer: Pointer = ''): unknown {
  if (Array.isArray(value)) return value.map((item, index) => mapLeaves(item, change, child(pointer, index)));
  if (!isRecord(value)) return change(value, pointer);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mapLeaves(member, change, child(pointer, key))]));
}
