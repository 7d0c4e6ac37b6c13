import type { PromptEvents } from './comfyui-events.ts';
import { LOADER, classOf, orderOf, outputsOf, samplerOf, stepsOf } from './comfyui-graph.ts';
import type { Graph } from './comfyui-graph.ts';
import type { ComfyModel } from './comfyui-model.ts';
import type { ComfyuiQuirks } from './comfyui-quirks.ts';
import type { Pause } from './pace.ts';
import { gradientPng } from './png.ts';

/** All steps of a prompt together, ms, however many they are. */
const SAMPLING_MS = 1500;

/** Thrown between two steps of a prompt that was interrupted. */
export class Interrupted extends Error {}

/** What a prompt is executed with. */
export interface ExecutionOptions {
  readonly model: ComfyModel;
  readonly pause: Pause;
  readonly quirks: ComfyuiQuirks;
}

/** Executes workflows node by node. */
export class Execution {
  readonly #options: ExecutionOptions;
  readonly #executed: string[] = [];
  #graph: Graph = {};
  #node: string | null = null;
  #interrupted = false;
  /** The last workflow that was executed to its end: the same once more costs nothing. */
  #cached = '';
  #images = 0;

  constructor(options: ExecutionOptions) {
    this.#options = options;
  }

  /** How many images have been made. */
  get images(): number {
    return this.#images;
  }

  /** The node that is executed now. */
  get node(): string | null {
    return this.#node;
  }

  /** Takes effect before the next step, or in the next node. */
  interrupt(): void {
    this.#interrupted = true;
  }

  forgetCached(): void {
    this.#cached = '';
  }

  /** How far the last prompt came, as its messages say it. */
  whereabouts(): Record<string, unknown> {
    const node = this.#node ?? '';
    return { node_id: node, node_type: classOf(this.#graph, node), executed: [...this.#executed] };
  }

  /**
   * Executes a workflow; resolves with its outputs by node.
   * @throws Interrupted, or Error as CUDA words it.
   */
  async run(graph: Graph, events: PromptEvents): Promise<Record<string, unknown>> {
    this.#graph = graph;
    this.#node = null;
    this.#interrupted = false;
    this.#executed.length = 0;
    const key = JSON.stringify(graph);
    const isCached = this.#options.quirks.caches && key === this.#cached;
    events.tell('execution_cached', { nodes: isCached ? orderOf(graph) : [] });
    if (!isCached) await this.#executeNodes(events);
    this.#cached = key;
    const outputs = this.#outputs();
    for (const [id, output] of Object.entries(outputs)) if (isCached) events.executed(id, output);
    this.#node = null;
    return outputs;
  }

  async #executeNodes(events: PromptEvents): Promise<void> {
    const sampler = samplerOf(this.#graph);
    const outputs = outputsOf(this.#graph);
    for (const id of orderOf(this.#graph)) {
      this.#node = id;
      events.executing(id);
      this.#mayGoOn();
      if (id === sampler || classOf(this.#graph, id) === LOADER) await this.#options.model.load();
      if (id === sampler) await this.#sample(id, events);
      if (id === outputs[0]) this.#images += 1;
      if (outputs.includes(id)) events.executed(id, this.#output());
      this.#executed.push(id);
    }
  }

  async #sample(node: string, events: PromptEvents): Promise<void> {
    const max = stepsOf(this.#graph, node);
    const end = this.#options.model.work();
    try {
      for (let value = 1; value <= max; value++) {
        this.#mayGoOn();
        await this.#options.pause(SAMPLING_MS / max);
        events.progress({ value, max, node }, () => gradientPng(value));
      }
    } finally {
      end();
    }
  }

  #mayGoOn(): void {
    if (this.#interrupted) throw new Interrupted('interrupted');
  }

  #outputs(): Record<string, unknown> {
    return Object.fromEntries(outputsOf(this.#graph).map((id) => [id, this.#output()]));
  }

  #output(): unknown {
    const filename = `ComfyUI_${String(this.#images).padStart(5, '0')}_.png`;
    return { images: [{ filename, subfolder: '', type: 'output' }] };
  }
}
