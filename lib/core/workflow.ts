import type { ImageTemplate, NodeInput, WorkflowNode } from '../config/types.ts';

/** Of an image, px. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What goes into a workflow. */
export interface ImageValues {
  readonly prompt: string;
  readonly count: number;
  /** null: the workflow's own. */
  readonly size: Size | null;
  readonly seed: number;
}

type Nodes = Readonly<Record<string, WorkflowNode>>;

/** The workflow with the values at their places. What has no place is left out, and all else stays as it is. */
export function fillWorkflow({ nodes, inputs }: ImageTemplate, { prompt, count, size, seed }: ImageValues): Nodes {
  const filled = new Map(Object.entries(nodes));
  const put = (place: NodeInput | undefined, value: unknown): void => {
    const node = place === undefined ? undefined : filled.get(place.node);
    if (place !== undefined && node !== undefined) filled.set(place.node, { ...node, inputs: { ...node.inputs, [place.input]: value } });
  };
  put(inputs.prompt, prompt);
  put(inputs.count, count);
  put(inputs.seed, seed);
  if (size !== null) {
    put(inputs.width, size.width);
    put(inputs.height, size.height);
  }
  return Object.fromEntries(filled);
}

/** The size that a filled workflow makes, as OpenAI writes it; null: it does not say. */
export function sizeText(nodes: Nodes, { width, height }: ImageTemplate['inputs']): string | null {
  const [wide, high] = [width, height].map((place) => (place === undefined ? undefined : nodes[place.node]?.inputs[place.input]));
  return typeof wide === 'number' && typeof high === 'number' ? `${wide}x${high}` : null;
}
