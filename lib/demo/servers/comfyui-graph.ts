import { isObject } from './http.ts';

/** A workflow: nodes by id. */
export type Graph = Readonly<Record<string, unknown>>;

/** The checkpoint the simulated server has. */
export const CHECKPOINT = 'sd_xl_base_1.0.safetensors';
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
  const nodeErrors = { [loader[0]]: { errors: [wrong], dependent_outputs: outputs, class_type: 'CheckpointLoaderSimple' } };
  return { ...problem('prompt_outputs_failed_validation', 'Prompt outputs failed validation'), node_errors: nodeErrors };
}

/** The ids of the nodes that make images. */
export function outputsOf(graph: Graph): readonly string[] {
  return Object.entries(graph)
    .filter(([, node]) => isObject(node) && typeof node['class_type'] === 'string' && OUTPUT_CLASSES.has(node['class_type']))
    .map(([id]) => id);
}

/** How many sampler steps a workflow asks for. */
export function stepsOf(graph: Graph): number {
  for (const node of Object.values(graph)) {
    const steps = inputsOf(node)['steps'];
    if (typeof steps === 'number' && steps >= 1) return Math.floor(steps);
  }
  return DEFAULT_STEPS;
}

function hasWrongCheckpoint(node: unknown): boolean {
  return isObject(node) && node['class_type'] === 'CheckpointLoaderSimple' && inputsOf(node)['ckpt_name'] !== CHECKPOINT;
}

function inputsOf(node: unknown): Record<string, unknown> {
  return isObject(node) && isObject(node['inputs']) ? node['inputs'] : {};
}

function problem(type: string, message: string): Record<string, unknown> {
  return { error: { type, message, details: '', extra_info: {} }, node_errors: {} };
}
