import { outputsOf, stepsOf } from './comfyui-graph.ts';
import type { Graph } from './comfyui-graph.ts';
import { messageOf } from './http.ts';
import type { Pause } from './pace.ts';
import type { Weights } from './weights.ts';

/** All steps of a prompt together, ms, however many they are. */
const SAMPLING_MS = 1500;
/** From the worker's reading of the flag to free memory. */
const FREE_MS = 100;

/** A submitted prompt. */
export interface Prompt {
  readonly number: number;
  readonly id: string;
  readonly graph: Graph;
  readonly extra: unknown;
}

/** What `POST /free` asks for. */
export interface FreeFlags {
  readonly unloadModels: boolean;
  readonly freeMemory: boolean;
}

/** Thrown between two steps of a prompt that was interrupted. */
class Interrupted extends Error {}

type Message = readonly [event: string, data: Readonly<Record<string, unknown>>];

/** ComfyUI's worker: prompts one after the other, flags in between. */
export class ComfyWorker {
  readonly #weights: Weights;
  readonly #pause: Pause;
  readonly #history = new Map<string, unknown>();
  #pending: Prompt[] = [];
  #running: Prompt | null = null;
  #working = false;
  #interrupted = false;
  #flags: FreeFlags = { unloadModels: false, freeMemory: false };
  /** The last workflow that ran: the same once more costs nothing. */
  #cached = '';
  #images = 0;

  constructor(weights: Weights, pause: Pause) {
    this.#weights = weights;
    this.#pause = pause;
  }

  get history(): ReadonlyMap<string, unknown> {
    return this.#history;
  }

  get pending(): readonly Prompt[] {
    return this.#pending;
  }

  get running(): readonly Prompt[] {
    return this.#running === null ? [] : [this.#running];
  }

  /** How many images there are; their numbers begin at 1. */
  get images(): number {
    return this.#images;
  }

  submit(prompt: Prompt): void {
    this.#pending.push(prompt);
    void this.#work();
  }

  /** Stops the running prompt at its next step; with `id` only if that one runs. */
  interrupt(id?: string): void {
    if (id === undefined || this.#running?.id === id) this.#interrupted = this.#running !== null;
  }

  /** Takes waiting prompts out. */
  remove(matches: (prompt: Prompt) => boolean): void {
    this.#pending = this.#pending.filter((prompt) => !matches(prompt));
  }

  /** Only a flag: the worker acts on it when it is idle, or after the running prompt. */
  free({ unloadModels, freeMemory }: FreeFlags): void {
    this.#flags = { unloadModels: this.#flags.unloadModels || unloadModels, freeMemory: this.#flags.freeMemory || freeMemory };
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    do {
      await this.#runNext();
      await this.#readFlags();
    } while (this.#pending.length > 0);
    this.#working = false;
  }

  async #runNext(): Promise<void> {
    const prompt = this.#pending.shift();
    if (prompt === undefined) return;
    this.#running = prompt;
    this.#interrupted = false;
    this.#history.set(prompt.id, await this.#run(prompt));
    this.#running = null;
  }

  async #run(prompt: Prompt): Promise<unknown> {
    const stamped = (): Record<string, unknown> => ({ prompt_id: prompt.id, timestamp: Date.now() });
    const messages: Message[] = [['execution_start', stamped()]];
    try {
      const outputs = await this.#execute(prompt.graph);
      messages.push(['execution_cached', { nodes: [], ...stamped() }], ['execution_success', stamped()]);
      return entry(prompt, { outputs, status: { status_str: 'success', completed: true, messages } });
    } catch (error) {
      const event = error instanceof Interrupted ? 'execution_interrupted' : 'execution_error';
      messages.push([event, { ...stamped(), ...describe(error) }]);
      return entry(prompt, { outputs: {}, status: { status_str: 'error', completed: false, messages } });
    }
  }

  async #execute(graph: Graph): Promise<Record<string, unknown>> {
    const key = JSON.stringify(graph);
    if (key !== this.#cached) {
      await this.#weights.load();
      await this.#sample(stepsOf(graph));
      this.#images += 1;
      this.#cached = key;
    }
    const filename = `ComfyUI_${String(this.#images).padStart(5, '0')}_.png`;
    const images = [{ filename, subfolder: '', type: 'output' }];
    return Object.fromEntries(outputsOf(graph).map((id) => [id, { images }]));
  }

  async #sample(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      if (this.#interrupted) throw new Interrupted('interrupted');
      await this.#pause(SAMPLING_MS / steps);
    }
  }

  async #readFlags(): Promise<void> {
    const { unloadModels, freeMemory } = this.#flags;
    this.#flags = { unloadModels: false, freeMemory: false };
    if (!unloadModels && !freeMemory) return;
    await this.#pause(FREE_MS);
    this.#weights.unload();
    if (freeMemory) this.#cached = '';
  }
}

function entry({ number, id, graph, extra }: Prompt, result: Record<string, unknown>): Record<string, unknown> {
  return { prompt: [number, id, graph, extra, outputsOf(graph)], ...result, meta: {} };
}

function describe(error: unknown): Record<string, unknown> {
  if (error instanceof Interrupted) return { node_id: '3', node_type: 'KSampler', executed: [] };
  const exception = { exception_type: 'torch.OutOfMemoryError', exception_message: messageOf(error), traceback: [] };
  return { node_id: '4', node_type: 'CheckpointLoaderSimple', ...exception };
}
