import { randomUUID } from 'node:crypto';
import type { CardMemory } from '../card.ts';
import { graphProblem, outputsOf } from './comfyui-graph.ts';
import { ComfyWorker } from './comfyui-worker.ts';
import type { Prompt } from './comfyui-worker.ts';
import { BodyTooLarge, Refusal, asJson, createRoutedServer, isObject, parseObject, readBody, send, sendJson } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { paceOf } from './pace.ts';
import { gradientPng } from './png.ts';
import { isMain, runAsProcess } from './process.ts';
import { ProcessMemory, Weights } from './weights.ts';

/** All in all with a model, and what the CUDA context keeps without one. MiB. */
const LOADED_MIB = 12_500;
const CONTEXT_MIB = 400;
const LOAD_MS = 1200;
const BYTES_PER_MIB = 1024 * 1024;
/** aiohttp's. */
const KEEP_ALIVE_MS = 75_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** ComfyUI: prompts are queued and answered at once, the card works on in the background. */
export function createComfyui({ card, speed, pause = paceOf(speed) }: DemoServerOptions): DemoServer {
  const memory = new ProcessMemory(card, 'comfyui');
  const weights = new Weights({ memory, mib: LOADED_MIB - CONTEXT_MIB, loadMs: LOAD_MS, pause });
  const comfyui = new Comfyui(card, memory, new ComfyWorker(weights, pause));
  const server = createRoutedServer({
    routes: comfyui.routes(),
    notFound: ({ response }) => send(response, 404, { type: 'text/plain; charset=utf-8', body: '404: Not Found' }),
    failed: ({ response }, error) => {
      const tooLarge = error instanceof BodyTooLarge;
      const body = tooLarge ? '413: Request Entity Too Large' : '500 Internal Server Error\n\nServer got itself in trouble';
      send(response, tooLarge ? 413 : 500, { type: 'text/plain; charset=utf-8', body });
    },
    around: async (exchange, next) => (isForeign(exchange) ? send(exchange.response, 403) : next()),
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return { server, prepare: () => memory.allocate(CONTEXT_MIB) };
}

/** A page of another site, seen by a server on loopback. */
function isForeign({ request }: Exchange): boolean {
  const { host = '', origin } = request.headers;
  if (origin === undefined || !LOOPBACK.test(host)) return false;
  return URL.parse(origin)?.host !== host.toLowerCase();
}

class Comfyui {
  readonly #card: CardMemory;
  readonly #memory: ProcessMemory;
  readonly #worker: ComfyWorker;
  #submitted = 0;

  constructor(card: CardMemory, memory: ProcessMemory, worker: ComfyWorker) {
    this.#card = card;
    this.#memory = memory;
    this.#worker = worker;
  }

  /** Every route also under `/api`. */
  routes(): ReadonlyMap<string, Handler> {
    const routes: [string, Handler][] = [
      ['GET /prompt', ({ response }) => sendJson(response, 200, { exec_info: { queue_remaining: this.#remaining() } })],
      ['POST /prompt', (exchange) => this.#submit(exchange)],
      ['GET /queue', ({ response }) => sendJson(response, 200, this.#queue())],
      ['POST /queue', (exchange) => this.#changeQueue(exchange)],
      ['GET /history', ({ response }) => sendJson(response, 200, Object.fromEntries(this.#worker.history))],
      ['GET /history/*', (exchange) => this.#history(exchange)],
      ['POST /free', (exchange) => this.#free(exchange)],
      ['POST /interrupt', (exchange) => this.#interrupt(exchange)],
      ['GET /system_stats', ({ response }) => sendJson(response, 200, this.#stats())],
      ['GET /view', (exchange) => this.#view(exchange)],
    ];
    return new Map(routes.flatMap(([route, handler]) => [[route, handler], [route.replace(' ', ' /api'), handler]]));
  }

  #remaining(): number {
    return this.#worker.running.length + this.#worker.pending.length;
  }

  async #submit({ request, response }: Exchange): Promise<void> {
    const body = await mustParse(request);
    const { prompt: graph, prompt_id: id = randomUUID(), extra_data: extra = {} } = body;
    const problem = typeof id === 'string' ? graphProblem(graph) : { error: { type: 'invalid_prompt_id' }, node_errors: {} };
    if (problem !== null || !isObject(graph) || typeof id !== 'string') throw new Refusal(400, asJson(problem));
    const number = this.#submitted++;
    this.#worker.submit({ number, id, graph, extra });
    sendJson(response, 200, { prompt_id: id, number, node_errors: {} });
  }

  #queue(): unknown {
    const asItem = ({ number, id, graph, extra }: Prompt): unknown => [number, id, graph, extra, outputsOf(graph)];
    return { queue_running: this.#worker.running.map(asItem), queue_pending: this.#worker.pending.map(asItem) };
  }

  async #changeQueue({ request, response }: Exchange): Promise<void> {
    const { clear, delete: ids } = await mustParse(request);
    if (clear === true) this.#worker.remove(() => true);
    if (Array.isArray(ids)) this.#worker.remove(({ id }) => ids.includes(id));
    send(response, 200);
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
    this.#worker.interrupt(typeof id === 'string' ? id : undefined);
    send(response, 200);
  }

  #stats(): unknown {
    const freeMib = this.#card.freeMib();
    const device = {
      name: 'cuda:0 Simulated RTX : cudaMallocAsync',
      type: 'cuda',
      index: 0,
      vram_total: (freeMib + this.#card.usedMib()) * BYTES_PER_MIB,
      vram_free: freeMib * BYTES_PER_MIB,
      torch_vram_total: (this.#memory.heldMib - CONTEXT_MIB) * BYTES_PER_MIB,
      torch_vram_free: 0,
    };
    return { system: { os: 'posix', comfyui_version: '0.3.64', pytorch_version: '2.8.0', embedded_python: false }, devices: [device] };
  }

  #view({ response, query }: Exchange): void {
    const number = Number(/^ComfyUI_(\d{5})_\.png$/.exec(query.get('filename') ?? '')?.[1]);
    if (!(number >= 1 && number <= this.#worker.images)) return send(response, 404);
    send(response, 200, { type: 'image/png', body: gradientPng(number) });
  }
}

/** A body that is no JSON object ends in the 500 of an exception nobody caught, as in the real one. */
async function mustParse(request: Exchange['request']): Promise<Record<string, unknown>> {
  const body = parseObject(await readBody(request));
  if (body === null) throw new Error('expected a JSON object as body');
  return body;
}

if (isMain(import.meta.url)) await runAsProcess('comfyui', createComfyui);
