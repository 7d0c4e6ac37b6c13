import type { Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { memberOf, textOf } from './tree.ts';
import type { Workflow } from './types.ts';

/** What was looked for, or what is wrong. */
export type Found<Value> = { readonly type: 'found'; readonly value: Value } | { readonly type: 'faults'; readonly faults: readonly Fault[] };

/** More nodes than these are not listed in a message. */
const MANY = 12;

/** The id of the node that a setting names by its id, or by a title that no other node has. */
export function findNode(nodes: Workflow['nodes'], word: string, pointer: Pointer): Found<string> {
  if (Object.hasOwn(nodes, word)) return { type: 'found', value: word };
  const titled = Object.keys(nodes).filter((id) => titleOf(nodes[id]) === word);
  const [only] = titled;
  if (only !== undefined && titled.length === 1) return { type: 'found', value: only };
  const expected = titled.length === 0 ? unknownNode(nodes) : `the id of a node (${titled.join(', ')} all have this title)`;
  return { type: 'faults', faults: [{ pointer, at: 'value', expected, misspelt: { word, candidates: namesOf(nodes) } }] };
}

function unknownNode(nodes: Workflow['nodes']): string {
  const listed = Object.entries(nodes).map(([id, node]) => `${id}: ${titleOf(node) ?? node.class_type}`);
  return listed.length > MANY ? 'the id or title of a node of the workflow' : `the id or title of a node of the workflow (${listed.join(', ')})`;
}

function namesOf(nodes: Workflow['nodes']): string[] {
  return Object.entries(nodes).flatMap(([id, node]) => [id, titleOf(node) ?? []].flat());
}

/** As the editor shows it. */
function titleOf(node: unknown): string | null {
  return textOf(memberOf(node, '_meta'), 'title');
}
