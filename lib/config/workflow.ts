import { resolve } from 'node:path';
import { child, type Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { readText } from './read-file.ts';
import { entriesOf, isRecord, memberOf, textOf } from './tree.ts';
import type { NodeInput, Workflow, WorkflowNode } from './types.ts';
import { findNode } from './workflow-nodes.ts';
import type { Found } from './workflow-nodes.ts';

/** The workflows of a file by consumer, and all that is wrong with them. */
export interface Workflows {
  readonly byConsumer: ReadonlyMap<string, Workflow>;
  readonly faults: readonly Fault[];
}

const INPUTS = ['prompt', 'width', 'height', 'seed', 'count'] as const;
/** Levels of lists and objects in a node; a link has two. */
const DEEPEST = 32;
const API_FORMAT = 'a workflow in API format: nodes by id, each with class_type and inputs';

/** Reads the workflows of all consumers, inline or from files in `folder`. What the schema sees is left to it. */
export function readWorkflows(file: unknown, folder: string): Workflows {
  const byConsumer = new Map<string, Workflow>();
  const faults: Fault[] = [];
  for (const [name, consumer] of entriesOf(memberOf(file, 'consumers'))) {
    const images = memberOf(consumer, 'images');
    if (!isRecord(images)) continue;
    const pointer = child(child('/consumers', name), 'images');
    const workflow = readWorkflow(images, pointer, folder);
    if (workflow.type === 'found') byConsumer.set(name, workflow.value);
    else faults.push(...workflow.faults);
    if (!isUsed(file, name)) faults.push({ pointer, at: 'key', expected: 'path_style comfyui beside it', got: 'another, which makes no use of a workflow' });
  }
  return { byConsumer, faults };
}

/** Either the consumer or one of its models speaks as ComfyUI does. */
function isUsed(file: unknown, name: string): boolean {
  const style = textOf(memberOf(memberOf(file, 'consumers'), name), 'path_style');
  const models = entriesOf(memberOf(file, 'models')).map(([, model]) => model);
  return style === 'comfyui' || models.some((model) => textOf(model, 'consumer') === name && textOf(model, 'path_style') === 'comfyui');
}

function readWorkflow(images: unknown, pointer: Pointer, folder: string): Found<Workflow> {
  const nodes = nodesOf(images, pointer, folder);
  if (nodes.type === 'faults') return nodes;
  const places = INPUTS.map((name) => [name, placeOf(memberOf(images, name), child(pointer, name), nodes.value)] as const);
  const output = outputOf(images, pointer, nodes.value);
  const faults = [...places.map(([, place]) => place), output].flatMap((each) => (each.type === 'faults' ? each.faults : []));
  if (faults.length > 0 || output.type === 'faults') return { type: 'faults', faults };
  const found = places.flatMap(([name, place]) => (place.type === 'found' && place.value !== null ? [[name, place.value] as const] : []));
  const { prompt, ...inputs }: Partial<Record<(typeof INPUTS)[number], NodeInput>> = Object.fromEntries(found);
  // A file without it is not valid for the schema.
  if (prompt === undefined) return { type: 'faults', faults: [] };
  return { type: 'found', value: { nodes: nodes.value, inputs: { prompt, ...inputs }, output: output.value } };
}

type Nodes = Readonly<Record<string, WorkflowNode>>;

function nodesOf(images: unknown, pointer: Pointer, folder: string): Found<Nodes> {
  const inline = memberOf(images, 'workflow');
  const path = memberOf(images, 'workflow_file');
  if ((inline === undefined) === (path === undefined)) {
    return fault({ pointer, at: 'key', expected: 'either workflow or workflow_file', got: inline === undefined ? 'neither' : 'both' });
  }
  if (inline !== undefined) return checked(inline, child(pointer, 'workflow'));
  return typeof path === 'string' ? fromFile(resolve(folder, path), child(pointer, 'workflow_file')) : { type: 'faults', faults: [] };
}

function fromFile(path: string, pointer: Pointer): Found<Nodes> {
  const file = readText(path);
  if (!file.ok) return fault({ pointer, at: 'value', expected: `the file of ${API_FORMAT}`, got: file.got });
  try {
    return checked(JSON.parse(file.text), pointer);
  } catch {
    return fault({ pointer, at: 'value', expected: `the file of ${API_FORMAT}`, got: 'a file that is not JSON' });
  }
}

function checked(value: unknown, pointer: Pointer): Found<Nodes> {
  if (Array.isArray(memberOf(value, 'nodes'))) {
    const got = "one in the editor's own format; export it with Save (API Format)";
    return fault({ pointer, at: 'value', expected: API_FORMAT, got });
  }
  const entries = entriesOf(value).filter((entry): entry is readonly [string, WorkflowNode] => isNode(entry[1]));
  const odd = entriesOf(value).find(([, node]) => !isNode(node));
  if (odd !== undefined) return fault({ pointer, at: 'value', expected: API_FORMAT, got: `${JSON.stringify(odd[0].slice(0, 64))} without them` });
  if (entries.length === 0) return fault({ pointer, at: 'value', expected: API_FORMAT, got: 'no nodes' });
  return { type: 'found', value: Object.fromEntries(entries) };
}

function isNode(value: unknown): value is WorkflowNode {
  return isRecord(value) && typeof value['class_type'] === 'string' && isRecord(value['inputs']) && isShallow(value, DEEPEST);
}

/** What is nested without end would end everybody who walks it. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((each) => isShallow(each, levels - 1));
}

/** Where a value goes; null: nowhere. */
function placeOf(place: unknown, pointer: Pointer, nodes: Nodes): Found<NodeInput | null> {
  const [node, input] = [textOf(place, 'node'), textOf(place, 'input')];
  if (node === null || input === null) return { type: 'found', value: null };
  const found = findNode(nodes, node, child(pointer, 'node'));
  if (found.type === 'faults') return found;
  const inputs = Object.keys(nodes[found.value]?.inputs ?? {});
  if (inputs.includes(input)) return { type: 'found', value: { node: found.value, input } };
  const expected = `an input of node ${found.value} (${inputs.join(', ')})`;
  return fault({ pointer: child(pointer, 'input'), at: 'value', expected, misspelt: { word: input, candidates: inputs } });
}

function outputOf(images: unknown, pointer: Pointer, nodes: Nodes): Found<string | null> {
  const output = textOf(images, 'output');
  return output === null ? { type: 'found', value: null } : findNode(nodes, output, child(pointer, 'output'));
}

function fault(only: Fault): { readonly type: 'faults'; readonly faults: readonly Fault[] } {
  return { type: 'faults', faults: [only] };
}
