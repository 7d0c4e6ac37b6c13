import { createHash } from 'node:crypto';
import { classOf, inputsOf, orderOf } from './comfyui-graph.ts';
import type { Graph } from './comfyui-graph.ts';
import type { Picture } from './png.ts';

/** Of an image whose size nothing in the workflow says, pixels. */
const SIDE = 512;

/** The pictures that reach an output node: one for each of the batch. The same nodes with the same inputs make the same pictures. */
export function picturesOf(graph: Graph, output: string): readonly Picture[] {
  const makers = orderOf(graph, [output]).filter((id) => id !== output);
  const numberOf = (input: string): number | undefined => {
    const found = makers.findLast((id) => typeof inputsOf(graph[id])[input] === 'number');
    return found === undefined ? undefined : Number(inputsOf(graph[found])[input]);
  };
  const size = { width: numberOf('width') ?? SIDE, height: numberOf('height') ?? SIDE };
  const made = JSON.stringify(makers.map((id) => [id, classOf(graph, id), inputsOf(graph[id])]));
  return Array.from({ length: numberOf('batch_size') ?? 1 }, (_, at) => ({ ...size, seed: seedOf(`${at} ${made}`) }));
}

function seedOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE();
}
