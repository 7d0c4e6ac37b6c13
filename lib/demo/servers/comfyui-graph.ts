import { isObject } from './http.ts';

/** A workflow: nodes by id. */
export type Graph = Readonly<Record<string, unknown>>;

/** The checkpoint the simulated server has. */
export const CHECKPOINT = 'sd_xl_base_1.0.safetensors';
/** The class of the node that loads it. */
export const LOADER = 'CheckpointLoaderSimple';
const OUTPUT_CLASSES = new Set(['SaveImage', 'PreviewImage']);
const DEFAULT_STEPS = 20;

/** What is wrong with a submitted workflow, in ComfyUI's own words; null: nothing. */
export function graphProblem(graph: unknown): Record<string, unknown> | null {
  if (!isObject(graph)) return problem('no_prompt', 'No prompt provided');
  for (const [id, node] of Object.entries(graph)) {
    if (!isObject(node) || typeof node['class_type'] !== 'string') {
      return problem('invalid_prompt', `Cannot execute because a node is missing the class_type property. (Node ID '#${id}')`);
    }
  }
  const outputs = outputsOf(graph);
  if (outputs.length === 0) return problem('prompt_no_outputs', 'Prompt has no outputs');
  const loader = Object.entries(graph).find(([, node]) => hasWrongCheckpoint(node));
  if (loader === undefined) return null;
  const wrong = { type: 'value_not_in_list', message: 'Value not in list', details: `ckpt_name: not in ['${CHECKPOINT}']`, extra_info: {} };
  const nodeErrors = { [loader[0]]: { errors: [wrong], dependent_outputs: outputs, class_type: LOADER } };
  return { ...problem('prompt_outputs_failed_validation', 'Prompt outputs failed validation'), node_errors: nodeErrors };
}

/** What is wrong with a request, in ComfyUI's shape. */
export function problem(type: string, message: string): Record<string, unknown> {
  return { error: { type, message, details: '', extra_info: {} }, node_errors: {} };
}

/** The ids of the nodes that make images. */
export function outputsOf(graph: Graph): readonly string[] {
  return Object.keys(graph).filter((id) => OUTPUT_CLASSES.has(classOf(graph, id)));
}

/** The nodes that some outputs need (all of them unless said otherwise), each after those that it needs itself. */
export function orderOf(graph: Graph, outputs = outputsOf(graph)): readonly string[] {
  const order = new Set<string>();
  const seen = new Set<string>();
  const visit = (id: string): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const input of Object.values(inputsOf(graph[id]))) if (isLink(input, graph)) visit(input[0]);
    order.add(id);
  };
  outputs.forEach(visit);
  return [...order];
}

/** The node that keeps the card busy: the sampler, or without one the first output. */
export function samplerOf(graph: Graph): string | undefined {
  return orderOf(graph).find((id) => stepsIn(graph[id]) !== null || classOf(graph, id).includes('Sampler')) ?? outputsOf(graph)[0];
}

/** How many steps a sampler is asked for. */
export function stepsOf(graph: Graph, sampler: string): number {
  return stepsIn(graph[sampler]) ?? DEFAULT_STEPS;
}

export function classOf(graph: Graph, id: string): string {
  const node = graph[id];
  return isObject(node) && typeof node['class_type'] === 'string' ? node['class_type'] : '';
}

function stepsIn(node: unknown): number | null {
  const steps = inputsOf(node)['steps'];
  return typeof steps === 'number' && steps >= 1 ? Math.floor(steps) : null;
}

function isLink(input: unknown, graph: Graph): input is [string, number] {
  return Array.isArray(input) && typeof input[0] === 'string' && Object.hasOwn(graph, input[0]);
}

function hasWrongCheckpoint(node: unknown): boolean {
  return isObject(node) && node['class_type'] === LOADER && inputsOf(node)['ckpt_name'] !== CHECKPOINT;
}

/** The inputs of a node by name; none when it is no node. */
export function inputsOf(node: unknown): Record<string, unknown> {
  return isObject(node) && isObject(node['inputs']) ? node['inputs'] : {};
}
