import type { Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { mapLeaves } from './tree.ts';

/** The environment, as `process.env` has it. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A file's value with its variables replaced. */
export interface Substituted {
  readonly value: unknown;
  /** What the file says at the places that were replaced: shown instead of the value, which may be a secret. */
  readonly templates: ReadonlyMap<Pointer, string>;
  readonly faults: readonly Fault[];
}

const PLACEHOLDER = /(\$?)\$\{([^{}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Replaces `${NAME}` inside every string value, and `$${` by `${`. The result is text and never read as YAML. */
export function substitute(value: unknown, env: Env): Substituted {
  const templates = new Map<Pointer, string>();
  const faults: Fault[] = [];
  const replaced = mapLeaves(value, (leaf, pointer) => {
    if (typeof leaf !== 'string' || !leaf.includes('${')) return leaf;
    const fault = placeholderFault(leaf, pointer, env);
    if (fault !== null) faults.push(fault);
    templates.set(pointer, leaf);
    return fill(leaf, env);
  });
  return { value: replaced, templates, faults };
}

/** A text from the environment as the number or boolean that the schema wants, or null where it is none. */
export function convert(text: string, type: string): number | boolean | null {
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : null;
  const wantsNumber = type === 'integer' || type === 'number';
  return wantsNumber && /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : null;
}

/** Whether a string is one placeholder and nothing else. */
export function isPlaceholder(template: string): boolean {
  return /^\$\{[^{}]*\}$/.test(template);
}

function fill(text: string, env: Env): string {
  return text.replace(PLACEHOLDER, (whole: string, escape: string, name: string) => {
    return escape === '$' ? whole.slice(1) : (lookUp(env, name) ?? whole);
  });
}

function placeholderFault(text: string, pointer: Pointer, env: Env): Fault | null {
  for (const [whole, escape, name = '', close] of text.matchAll(PLACEHOLDER)) {
    if (escape === '$' || lookUp(env, name) !== undefined) continue;
    const named = NAME.test(name) && close === '}';
    if (named) return { pointer, at: 'value', expected: `the environment variable ${name} to be set`, got: 'none of that name' };
    const got = `${JSON.stringify(whole)} (write $\${ for a literal \${)`;
    return { pointer, at: 'value', expected: 'a variable such as ${NAME}', got };
  }
  return null;
}

function lookUp(env: Env, name: string): string | undefined {
  return NAME.test(name) && Object.hasOwn(env, name) ? env[name] : undefined;
}
