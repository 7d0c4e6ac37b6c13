import { Refusal, send } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import type { ModelRequest } from './llama-backend.ts';
import { openStream, writeEvent } from './llama-emit.ts';
import type { LlamaModel } from './llama-memory.ts';
import { createLlamaHttp, jsonBody, llamaError, notFound, sendLlama } from './llama-http.ts';
import { BUILD } from './llama-job.ts';
import { RouterModels } from './llama-models.ts';
import type { Entry, ModelEvent } from './llama-models.ts';
import { LLAMA_ROUTER_QUIRKS } from './llama-quirks.ts';
import { MODEL_ROUTES } from './llama-routes.ts';
import { paceOf } from './pace.ts';
import type { Pause } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';
import type { Resolved } from './quirks.ts';
import { ProcessMemory } from './weights.ts';

export { LLAMA_ROUTER_QUIRKS };

/** The models it has. */
export const MODELS: readonly [LlamaModel, ...LlamaModel[]] = [
  { name: 'qwen2.5-7b', mib: 5000, contextMib: 600 },
  { name: 'stories260k', mib: 300, contextMib: 200 },
];

/** A router held so much before #23137. */
const ROUTER_MIB = 500;
/** `--models-max`. */
const MAX_INSTANCES = 4;

type RouterQuirks = Resolved<typeof LLAMA_ROUTER_QUIRKS>;

/** llama.cpp's llama-server in router mode: loads and unloads models over HTTP, each in a process of its own. */
export function createLlamaRouter({ card, speed, pause = paceOf(speed), quirks: wanted }: DemoServerOptions): DemoServer {
  const quirks = resolveQuirks(LLAMA_ROUTER_QUIRKS, wanted);
  const memory = new ProcessMemory(card, 'llama-server');
  const listeners = new Set<Exchange['response']>();
  const notify = (event: ModelEvent): void => listeners.forEach((response) => writeEvent(response, event));
  const models = new RouterModels({ models: MODELS, memory, pause, quirks, notify });
  const router = new LlamaRouter({ models, pause, quirks, listeners });
  const server = createLlamaHttp({ routes: router.routes(), quirks, isLoading: () => false });
  return { server, prepare: () => (quirks.router_holds_context ? memory.allocate(ROUTER_MIB) : undefined) };
}

interface RouterOptions {
  readonly models: RouterModels;
  readonly pause: Pause;
  readonly quirks: RouterQuirks;
  /** Those who listen to its events. */
  readonly listeners: Set<Exchange['response']>;
}

class LlamaRouter {
  readonly #models: RouterModels;
  readonly #pause: Pause;
  readonly #quirks: RouterQuirks;
  readonly #listeners: Set<Exchange['response']>;

  constructor({ models, pause, quirks, listeners }: RouterOptions) {
    this.#models = models;
    this.#pause = pause;
    this.#quirks = quirks;
    this.#listeners = listeners;
  }

  routes(): ReadonlyMap<string, Handler> {
    const routes = new Map<string, Handler>();
    for (const route of MODEL_ROUTES.keys()) routes.set(route, (exchange) => this.#proxy(exchange, route));
    for (const path of ['/health', '/v1/health']) routes.set(`GET ${path}`, ({ response }) => sendLlama(response, { status: 'ok' }));
    for (const path of ['/models', '/v1/models']) routes.set(`GET ${path}`, (exchange) => this.#list(exchange));
    return routes
      .set('GET /props', (exchange) => (exchange.query.has('model') ? this.#proxy(exchange, 'GET /props') : this.#props(exchange)))
      .set('GET /models/sse', (exchange) => this.#listen(exchange))
      .set('POST /models/load', (exchange) => this.#load(exchange))
      .set('POST /models/unload', (exchange) => this.#unload(exchange));
  }

  #list({ response }: Exchange): void {
    sendLlama(response, { data: this.#models.all.map(asListed), object: 'list' });
  }

  #props({ response }: Exchange): void {
    sendLlama(response, {
      role: 'router',
      max_instances: this.#quirks.one_model ? 1 : MAX_INSTANCES,
      models_autoload: this.#quirks.models_autoload,
      model_alias: 'llama-server',
      model_path: 'none',
      default_generation_settings: { params: null, n_ctx: 0 },
      build_info: BUILD,
    });
  }

  #listen({ response }: Exchange): void {
    openStream(response, { 'Content-Type': 'text/event-stream' });
    this.#listeners.add(response);
    response.once('close', () => this.#listeners.delete(response));
  }

  async #load({ request, response }: Exchange): Promise<void> {
    const { model } = await this.#body(request);
    const entry = this.#models.find(model);
    if (entry === undefined) throw notFound();
    if (entry.engine !== null && this.#quirks.load_twice_is_400) throw llamaError('invalid_request_error', 'model is already running');
    await this.#models.load(entry);
    sendLlama(response, { success: true });
  }

  async #unload({ request, response }: Exchange): Promise<void> {
    const { model } = await this.#body(request);
    const entry = this.#models.find(model);
    if (entry === undefined) throw llamaError('invalid_request_error', 'model is not found');
    if (entry.engine === null && this.#quirks.unload_twice_is_400) throw llamaError('invalid_request_error', 'model is not running');
    this.#models.unload(entry);
    sendLlama(response, { success: true });
  }

  /** Hands a request on to the process of its model, which it may have to load first. */
  async #proxy(exchange: Exchange, route: string): Promise<void> {
    const isPost = route.startsWith('POST ');
    const body = isPost ? await this.#body(exchange.request) : {};
    const entry = this.#wanted(isPost ? body['model'] : exchange.query.get('model'), isPost);
    const engine = await this.#models.ready(entry, this.#mayLoad(exchange));
    if (isPost) entry.usedAt = performance.now();
    if (engine.stopping) return sendProxyError(exchange, 'Could not establish connection');
    await this.#answer({ exchange, body, backend: { engine, pause: this.#pause, quirks: this.#quirks, isDeaf: this.#quirks.nonstream_outlives_client } }, route);
  }

  async #answer(request: ModelRequest, route: string): Promise<void> {
    try {
      await MODEL_ROUTES.get(route)?.(request);
    } catch (error) {
      if (error instanceof Refusal || !request.backend.engine.killed) throw error;
      sendProxyError(request.exchange, 'Failed to read connection');
    }
  }

  #wanted(name: unknown, isPost: boolean): Entry {
    const [first] = this.#models.all;
    if (!isPost && name === null && first !== undefined && !this.#quirks.gets_need_model) return first;
    if (typeof name !== 'string' || name === '') throw llamaError('invalid_request_error', 'model name is missing from the request');
    const entry = this.#models.find(name);
    if (entry === undefined) throw llamaError('invalid_request_error', `model '${name}' not found`);
    return entry;
  }

  #mayLoad({ query }: Exchange): boolean {
    const wanted = query.get('autoload');
    return wanted === null || wanted === '' ? this.#quirks.models_autoload : ['true', '1'].includes(wanted);
  }

  #body(request: Exchange['request']): Promise<Record<string, unknown>> {
    return jsonBody(request, this.#quirks.broken_json_is_500);
  }
}

/** What is left of an answer whose process has gone: plain text, whatever the head has said. */
function sendProxyError({ response }: Exchange, what: 'Could not establish connection' | 'Failed to read connection'): void {
  const body = `proxy error: ${what}`;
  if (response.headersSent) response.end(body);
  else send(response, 500, { type: 'application/json; charset=utf-8', body });
}

function asListed({ model, status, exitCode }: Entry): object {
  const failed = status === 'unloaded' && exitCode !== 0 ? { exit_code: exitCode, failed: true } : {};
  return {
    id: model.name,
    aliases: [],
    tags: [],
    object: 'model',
    owned_by: 'llamacpp',
    created: Math.floor(Date.now() / 1000),
    status: { value: status, args: ['llama-server', '--alias', model.name], ...failed },
    source: 'preset',
    can_remove: false,
  };
}

if (isMain(import.meta.url)) await runAsProcess('llama-router', createLlamaRouter);
