import { randomUUID } from 'node:crypto';
import type { CardMemory } from '../card.ts';
import { fileRoutes } from './comfyui-file-routes.ts';
import type { ComfyFiles } from './comfyui-files.ts';
import { graphProblem, problem } from './comfyui-graph.ts';
import { CANONICAL_ID, jobRoutes } from './comfyui-jobs.ts';
import { CONTEXT_MIB } from './comfyui-model.ts';
import { NODES } from './comfyui-nodes.ts';
import type { ComfyuiQuirks } from './comfyui-quirks.ts';
import { asItem } from './comfyui-worker.ts';
import type { ComfyWorker } from './comfyui-worker.ts';
import { Refusal, asJson, isObject, parseObject, readBody, send, sendJson } from './http.ts';
import type { Content, Exchange, Handler } from './http.ts';
import type { ProcessMemory } from './weights.ts';

const BYTES_PER_MIB = 1024 * 1024;
const PAGE = '<!doctype html><html><head><title>ComfyUI</title></head><body><h1>ComfyUI</h1></body></html>';

/** What the routes speak of. */
export interface ComfyuiParts {
  readonly card: CardMemory;
  readonly memory: ProcessMemory;
  readonly worker: ComfyWorker;
  readonly files: ComfyFiles;
  readonly quirks: ComfyuiQuirks;
}

/** ComfyUI's HTTP routes. */
export class ComfyuiRoutes {
  readonly #parts: ComfyuiParts;
  readonly #worker: ComfyWorker;
  #submitted = 0;

  constructor(parts: ComfyuiParts) {
    this.#parts = parts;
    this.#worker = parts.worker;
  }

  /** Every route also under `/api`. */
  table(): ReadonlyMap<string, Handler> {
    const routes: [string, Handler][] = [
      ['GET /', ({ response }) => send(response, 200, { type: 'text/html', body: PAGE })],
      ['GET /prompt', ({ response }) => sendJson(response, 200, { exec_info: { queue_remaining: this.#worker.remaining } })],
      ['POST /prompt', (exchange) => this.#submit(exchange)],
      ['GET /queue', ({ response }) => sendJson(response, 200, this.#queue())],
      ['POST /queue', (exchange) => this.#changeQueue(exchange)],
      ['GET /history', (exchange) => this.#wholeHistory(exchange)],
      ['POST /history', (exchange) => this.#changeHistory(exchange)],
      ['GET /history/*', (exchange) => this.#history(exchange)],
      ['POST /free', (exchange) => this.#free(exchange)],
      ['POST /interrupt', (exchange) => this.#interrupt(exchange)],
      ['GET /system_stats', ({ response }) => sendJson(response, 200, this.#stats())],
      ['GET /object_info', ({ response }) => sendJson(response, 200, NODES)],
      ['GET /object_info/*', (exchange) => objectInfo(exchange)],
      ...fileRoutes(this.#parts.files),
      ['GET /ws', ({ response }) => send(response, 400, plain('No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".'))],
    ];
    const both = routes.flatMap<[string, Handler]>(([route, handler]) => [[route, handler], [route.replace(' ', ' /api'), handler]]);
    return new Map([...both, ...(this.#parts.quirks.jobs_api ? jobRoutes(this.#worker) : [])]);
  }

  async #submit({ request, response }: Exchange): Promise<void> {
    const body = await mustParse(request);
    const { prompt: graph } = body;
    const id = this.#idFor(body['prompt_id']);
    const wrong = graphProblem(graph);
    if (wrong !== null || !isObject(graph)) throw new Refusal(400, asJson(wrong));
    const number = typeof body['number'] === 'number' ? body['number'] : this.#submitted * (body['front'] === true ? -1 : 1);
    this.#submitted += 1;
    const owner = body['client_id'] === undefined ? {} : { client_id: body['client_id'] };
    const extra = { ...(isObject(body['extra_data']) ? body['extra_data'] : {}), ...owner, create_time: Date.now() };
    this.#worker.submit({ number, id, graph, extra });
    sendJson(response, 200, { prompt_id: id, number, node_errors: {} });
  }

  #idFor(wanted: unknown): string {
    if (wanted === undefined || wanted === null || !this.#parts.quirks.client_prompt_id) return randomUUID();
    if (typeof wanted === 'string' && CANONICAL_ID.test(wanted)) return wanted;
    throw new Refusal(400, asJson(problem('invalid_prompt_id', 'prompt_id must be a UUID in canonical lowercase hyphenated form')));
  }

  #queue(): unknown {
    return { queue_running: this.#worker.running.map(asItem), queue_pending: this.#worker.pending.map(asItem) };
  }

  async #changeQueue({ request, response }: Exchange): Promise<void> {
    const { clear, delete: ids } = await mustParse(request);
    if (clear === true) this.#worker.remove(() => true);
    if (Array.isArray(ids)) this.#worker.remove(({ id }) => ids.includes(id));
    send(response, 200);
  }

  async #changeHistory({ request, response }: Exchange): Promise<void> {
    const { clear, delete: ids } = await mustParse(request);
    if (clear === true) this.#worker.forget(() => true);
    if (Array.isArray(ids)) this.#worker.forget((id) => ids.includes(id));
    send(response, 200);
  }

  /** All of it, or `max_items` from `offset` on, or the last `max_items`. */
  #wholeHistory({ response, query }: Exchange): void {
    const all = [...this.#worker.history];
    const most = Number(query.get('max_items') ?? all.length);
    const offset = Number(query.get('offset') ?? Math.max(0, all.length - most));
    sendJson(response, 200, Object.fromEntries(all.slice(offset, offset + most)));
  }

  #history({ response, path }: Exchange): void {
    const id = path.slice(path.lastIndexOf('/') + 1);
    const entry = this.#worker.history.get(id);
    sendJson(response, 200, entry === undefined ? {} : { [id]: entry });
  }

  async #free({ request, response }: Exchange): Promise<void> {
    const { unload_models: unloadModels, free_memory: freeMemory } = await mustParse(request);
    this.#worker.free({ unloadModels: unloadModels === true, freeMemory: freeMemory === true });
    send(response, 200, { type: 'application/octet-stream', body: '' });
  }

  async #interrupt({ request, response }: Exchange): Promise<void> {
    const id = parseObject(await readBody(request))?.['prompt_id'];
    this.#worker.interrupt(typeof id === 'string' && this.#parts.quirks.interrupt_by_id ? id : undefined);
    send(response, 200);
  }

  #stats(): unknown {
    const { card, memory } = this.#parts;
    const freeMib = card.freeMib();
    const device = {
      name: 'cuda:0 Simulated RTX : cudaMallocAsync',
      type: 'cuda',
      index: 0,
      vram_total: (freeMib + card.usedMib()) * BYTES_PER_MIB,
      vram_free: freeMib * BYTES_PER_MIB,
      torch_vram_total: (memory.heldMib - CONTEXT_MIB) * BYTES_PER_MIB,
      torch_vram_free: 0,
    };
    return { system: { os: 'posix', comfyui_version: '0.38.1', pytorch_version: '2.8.0', embedded_python: false }, devices: [device] };
  }
}

function objectInfo({ response, path }: Exchange): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  sendJson(response, 200, Object.hasOwn(NODES, name) ? { [name]: NODES[name] } : {});
}

/** A text as aiohttp sends it. */
export function plain(body: string): Content {
  return { type: 'text/plain; charset=utf-8', body };
}

/** A body that is no JSON object ends in the 500 of an exception nobody caught, as in the real one. */
async function mustParse(request: Exchange['request']): Promise<Record<string, unknown>> {
  const body = parseObject(await readBody(request));
  if (body === null) throw new Error('expected a JSON object as body');
  return body;
}
