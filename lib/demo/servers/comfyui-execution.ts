import type { PromptEvents } from './comfyui-events.ts';
import type { ComfyFiles } from './comfyui-files.ts';
import { LOADER, classOf, inputsOf, orderOf, outputsOf, samplerOf, stepsOf } from './comfyui-graph.ts';
import type { Graph } from './comfyui-graph.ts';
import type { ComfyModel } from './comfyui-model.ts';
import { picturesOf } from './comfyui-pictures.ts';
import type { ComfyuiQuirks } from './comfyui-quirks.ts';
import type { Pause } from './pace.ts';
import { gradientPng } from './png.ts';

/** All steps of a prompt together, ms, however many they are. */
const SAMPLING_MS = 1500;
/** Of a preview, pixels. */
const PREVIEW_SIDE = 64;

/** Thrown between two steps of a prompt that was interrupted. */
export class Interrupted extends Error {}

/** What a prompt is executed with. */
export interface ExecutionOptions {
  readonly model: ComfyModel;
  readonly files: ComfyFiles;
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
  #outputs: Record<string, unknown> = {};
  /** The last workflow that was executed to its end: the same once more costs nothing. */
  #cached = '';

  constructor(options: ExecutionOptions) {
    this.#options = options;
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
    if (isCached) for (const [id, output] of Object.entries(this.#outputs)) events.executed(id, output);
    else await this.#executeNodes(events);
    this.#cached = key;
    this.#node = null;
    return this.#outputs;
  }

  async #executeNodes(events: PromptEvents): Promise<void> {
    const sampler = samplerOf(this.#graph);
    const outputs = outputsOf(this.#graph);
    this.#cached = '';
    this.#outputs = {};
    for (const id of orderOf(this.#graph)) {
      this.#node = id;
      events.executing(id);
      this.#mayGoOn();
      if (id === sampler || classOf(this.#graph, id) === LOADER) await this.#options.model.load();
      if (id === sampler) await this.#sample(id, events);
      if (outputs.includes(id)) events.executed(id, this.#save(id));
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
        events.progress({ value, max, node }, () => gradientPng({ width: PREVIEW_SIDE, height: PREVIEW_SIDE, seed: value }));
      }
    } finally {
      end();
    }
  }

  #mayGoOn(): void {
    if (this.#interrupted) throw new Interrupted('interrupted');
  }

  /** Saves the pictures that have reached an output node; a preview only for now. */
  #save(id: string): unknown {
    const { filename_prefix: wanted } = inputsOf(this.#graph[id]);
    const isPreview = classOf(this.#graph, id) === 'PreviewImage';
    const [type, prefix] = isPreview ? ['temp', 'ComfyUI_temp'] : ['output', typeof wanted === 'string' ? wanted : 'ComfyUI'];
    const images = picturesOf(this.#graph, id).map((picture) => this.#options.files.save(type, prefix, () => gradientPng(picture)));
    this.#outputs[id] = { images };
    return this.#outputs[id];
  }
}
