import type { Quirks } from './http.ts';

/** One peculiar way of a real server. */
export interface Quirk {
  /** Whether the simulated server has it unless told otherwise. */
  readonly on: boolean;
  /** What it does, in a sentence. */
  readonly what: string;
}

/** Which of a server's quirks are on. */
export type Resolved<T> = { readonly [K in keyof T]: boolean };

/**
 * Which of the `known` quirks are on: as `wanted` says, else as each says itself.
 * @throws Error that names a quirk which is not known, and those that are.
 */
export function resolveQuirks<T extends Record<string, Quirk>>(known: T, wanted: Quirks | undefined): Resolved<T> {
  const byDefault = Object.entries(known).map(([name, { on }]) => [name, on] as const);
  const resolved: Record<string, boolean> = { ...Object.fromEntries(byDefault), ...wanted };
  if (hasOnlyKnown(resolved, known)) return resolved;
  const unknown = Object.keys(resolved).filter((name) => !Object.hasOwn(known, name));
  throw new Error(`quirks: expected ${Object.keys(known).join(', ')}; got ${unknown.join(', ')}`);
}

function hasOnlyKnown<T extends Record<string, Quirk>>(resolved: object, known: T): resolved is Resolved<T> {
  return Object.keys(resolved).every((name) => Object.hasOwn(known, name));
}
