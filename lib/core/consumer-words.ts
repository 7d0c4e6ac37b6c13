import { isRecord } from './records.ts';

/** As much of a consumer's own words goes into a message. */
const MOST_CHARACTERS = 1000;
/** A terminal that shows them would obey some of these. */
const CONTROL = /\p{Cc}+/gu;
/** No server nests its words deeper. */
const DEEPEST = 8;
/** Where servers of this field put what they have to say, the most telling first. */
const MEMBERS = ['error', 'detail', 'message', 'msg'] as const;

/** What a consumer says in the body of an error answer, in one line; empty: nothing. */
export function consumerWords(body: string): string {
  const said = wordsIn(parsed(body)) ?? body;
  return said.replaceAll(CONTROL, ' ').trim().slice(0, MOST_CHARACTERS);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** A text, or that in the members of an object: with `details` behind it, as ComfyUI has them, and of a list all that it holds. */
function wordsIn(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  if (depth > DEEPEST) return null;
  const inner = (each: unknown): string | null => wordsIn(each, depth + 1);
  if (Array.isArray(value)) return joined(value.map(inner));
  if (!isRecord(value)) return null;
  const word = MEMBERS.map((name) => inner(value[name])).find((each) => each !== null) ?? null;
  return joined([word, inner(value['details']), nodeWords(value['node_errors'], inner)]);
}

/** What ComfyUI finds wrong with single nodes of a workflow. */
function nodeWords(nodes: unknown, inner: (value: unknown) => string | null): string | null {
  if (!isRecord(nodes)) return null;
  const named = Object.entries(nodes).map(([id, node]) => [id, isRecord(node) ? inner(node['errors']) : null] as const);
  return joined(named.map(([id, words]) => (words === null ? null : `node ${id}: ${words}`)));
}

function joined(parts: readonly (string | null)[]): string | null {
  const words = parts.filter((part) => part !== null);
  return words.length === 0 ? null : words.join('; ');
}
