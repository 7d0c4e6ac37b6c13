import { PromptEvents } from './comfyui-events.ts';
import type { Message } from './comfyui-events.ts';
import { Execution, Interrupted } from './comfyui-execution.ts';
import type { ExecutionOptions } from './comfyui-execution.ts';
import { outputsOf } from './comfyui-graph.ts';
import type { Graph } from './comfyui-graph.ts';
import { queueStatus } from './comfyui-socket.ts';
import type { ComfySockets } from './comfyui-socket.ts';
import { messageOf } from './http.ts';

/** So many finished prompts are remembered. */
const KEPT = 10_000;

/** A submitted prompt. */
export interface Prompt {
  /** The lowest runs first. */
  readonly number: number;
  readonly id: string;
  readonly graph: Graph;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** What the history keeps of a prompt. */
export interface HistoryEntry {
  readonly prompt: readonly unknown[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly status: { readonly status_str: 'success' | 'error'; readonly completed: boolean; readonly messages: readonly Message[] };
  readonly meta: object;
}

/** What `POST /free` asks for. */
export interface FreeFlags {
  readonly unloadModels: boolean;
  readonly freeMemory: boolean;
}

/** What the worker is made from. */
export interface WorkerOptions extends ExecutionOptions {
  readonly sockets: ComfySockets;
}

/** ComfyUI's worker: prompts one after the other, flags in between. */
export class ComfyWorker {
  readonly #options: WorkerOptions;
  readonly #execution: Execution;
  readonly #history = new Map<string, HistoryEntry>();
  #pending: readonly Prompt[] = [];
  #running: Prompt | null = null;
  #working = false;
  #flags: FreeFlags = { unloadModels: false, freeMemory: false };

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#execution = new Execution(options);
  }

  get history(): ReadonlyMap<string, HistoryEntry> {
    return this.#history;
  }

  get pending(): readonly Prompt[] {
    return this.#pending;
  }

  get running(): readonly Prompt[] {
    return this.#running === null ? [] : [this.#running];
  }

  /** Running and pending. */
  get remaining(): number {
    return this.running.length + this.#pending.length;
  }

  /** The node at which a client's prompt is now; null: none of its prompts runs. */
  nodeOf(clientId: string): string | null {
    return this.#running !== null && clientIdOf(this.#running) === clientId ? this.#execution.node : null;
  }

  submit(prompt: Prompt): void {
    this.#pending = [...this.#pending, prompt].toSorted((a, b) => a.number - b.number);
    this.#changed();
    void this.#work();
  }

  /** Takes pending prompts off the queue; whether there were any. */
  remove(which: (prompt: Prompt) => boolean): boolean {
    const left = this.#pending.filter((prompt) => !which(prompt));
    const some = left.length < this.#pending.length;
    this.#pending = left;
    if (some) this.#changed();
    return some;
  }

  /** Stops the running prompt at its next step, if it is the one with this id; undefined: whichever runs. Whether there was one. */
  interrupt(id?: string): boolean {
    const meant = this.#running !== null && (id === undefined || this.#running.id === id);
    if (meant) this.#execution.interrupt();
    return meant;
  }

  /** Forgets finished prompts. */
  forget(which: (id: string) => boolean): void {
    for (const id of [...this.#history.keys()].filter(which)) this.#history.delete(id);
  }

  /** Asks for memory back; done between two prompts, or now when none runs. */
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
    } while (this.#pending.length > 0 || this.#flags.unloadModels || this.#flags.freeMemory);
    this.#working = false;
  }

  async #runNext(): Promise<void> {
    const [prompt, ...rest] = this.#pending;
    if (prompt === undefined) return;
    this.#pending = rest;
    this.#running = prompt;
    this.#changed();
    const { sockets, quirks } = this.#options;
    const events = new PromptEvents(sockets, { promptId: prompt.id, clientId: clientIdOf(prompt) }, quirks);
    const entry = await this.#run(prompt, events);
    this.#history.set(prompt.id, entry);
    const [oldest] = this.#history.keys();
    if (oldest !== undefined && this.#history.size > KEPT) this.#history.delete(oldest);
    this.#running = null;
    this.#changed();
    events.executing(null);
  }

  async #run(prompt: Prompt, events: PromptEvents): Promise<HistoryEntry> {
    const { messages } = events;
    events.tell('execution_start');
    try {
      const outputs = await this.#execution.run(prompt.graph, events);
      events.tell('execution_success');
      return entryOf(prompt, { outputs, status: { status_str: 'success', completed: true, messages } });
    } catch (error) {
      const event = error instanceof Interrupted ? 'execution_interrupted' : 'execution_error';
      events.tell(event, { ...this.#execution.whereabouts(), ...(error instanceof Interrupted ? {} : exceptionOf(error)) });
      return entryOf(prompt, { outputs: {}, status: { status_str: 'error', completed: false, messages } });
    }
  }

  async #readFlags(): Promise<void> {
    const { unloadModels, freeMemory } = this.#flags;
    this.#flags = { unloadModels: false, freeMemory: false };
    if (!unloadModels && !freeMemory) return;
    await this.#options.model.free();
    if (freeMemory) this.#execution.forgetCached();
  }

  #changed(): void {
    this.#options.sockets.send('status', queueStatus(this.remaining), null);
  }
}

/** As `/queue` and the history show a prompt. */
export function asItem({ number, id, graph, extra }: Prompt): readonly unknown[] {
  return [number, id, graph, extra, outputsOf(graph)];
}

function clientIdOf({ extra }: Prompt): string | null {
  const { client_id: id } = extra;
  return typeof id === 'string' ? id : null;
}

function entryOf(prompt: Prompt, result: Pick<HistoryEntry, 'outputs' | 'status'>): HistoryEntry {
  return { prompt: asItem(prompt), ...result, meta: {} };
}

function exceptionOf(error: unknown): Record<string, unknown> {
  return { exception_type: 'torch.OutOfMemoryError', exception_message: messageOf(error), traceback: [], current_inputs: {}, current_outputs: [] };
}
