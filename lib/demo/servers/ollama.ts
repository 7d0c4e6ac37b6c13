import type { ServerResponse } from 'node:http';
import { embeddingList, embeddingOf, inputsOf } from './embedding.ts';
import { clientGone, createRoutedServer, isObject, parseObject, readBody, send } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { isNearHost, isOwnOrigin } from './ollama-access.ts';
import { parseKeepAlive, promptOf, shapeOf } from './ollama-answer.ts';
import type { Api } from './ollama-answer.ts';
import { compatPrompt, compatWire } from './ollama-compat.ts';
import type { CompatApi } from './ollama-compat.ts';
import { generate, nativeWire } from './ollama-generate.ts';
import type { Generation } from './ollama-generate.ts';
import { asListed, asLoaded, asLoading, asShown } from './ollama-listing.ts';
import { MODELS, Models } from './ollama-models.ts';
import type { Model } from './ollama-models.ts';
import { openaiModels } from './ollama-openai.ts';
import { runnerOptions } from './ollama-options.ts';
import { OLLAMA_QUIRKS } from './ollama-quirks.ts';
import type { OllamaQuirks } from './ollama-quirks.ts';
import { Failure, canceled, reply, replyFailure } from './ollama-reply.ts';
import { paceOf } from './pace.ts';
import type { Pause } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';

const EMBED_MS = 50;

/** Ollama: several models, each loaded on first use and unloaded by itself. */
export function createOllama({ card, speed, pause = paceOf(speed), quirks: wanted }: DemoServerOptions): DemoServer {
  const quirks = resolveQuirks(OLLAMA_QUIRKS, wanted);
  const routes = new Ollama(new Models({ card, pause, quirks }), pause, quirks).routes();
  const server = createRoutedServer({
    routes,
    notFound: ({ response, path }) => {
      const known = !quirks.wrong_method_404 && [...routes.keys()].some((route) => route.endsWith(` ${path}`));
      send(response, known ? 405 : 404, { type: 'text/plain', body: known ? '405 method not allowed' : '404 page not found' });
    },
    failed: ({ response, path }, error) => replyFailure(response, error, path),
    around: async (exchange, next) => (isAllowed(exchange, quirks) ? next() : send(exchange.response, 403)),
  });
  server.keepAliveTimeout = 0; // Go keeps idle connections
  return { server, prepare: () => undefined };
}

/** Ollama's own guard: a foreign Host (DNS rebinding) or Origin (a web page) gets nothing. */
function isAllowed({ request: { headers } }: Exchange, quirks: OllamaQuirks): boolean {
  return (!quirks.host_check || isNearHost(headers.host ?? '')) && (!quirks.origin_check || isOwnOrigin(headers.origin));
}

type Body = Readonly<Record<string, unknown>>;

class Ollama {
  readonly #models: Models;
  readonly #pause: Pause;
  readonly #quirks: OllamaQuirks;

  constructor(models: Models, pause: Pause, quirks: OllamaQuirks) {
    this.#models = models;
    this.#pause = pause;
    this.#quirks = quirks;
  }

  routes(): ReadonlyMap<string, Handler> {
    return new Map<string, Handler>([
      ['GET /', ({ response }) => send(response, 200, { type: 'text/plain; charset=utf-8', body: 'Ollama is running' })],
      ['GET /api/version', ({ response }) => reply(response, 200, { version: '0.33.0' })],
      ['GET /api/ps', ({ response }) => this.#ps(response)],
      ['GET /api/tags', ({ response }) => reply(response, 200, { models: MODELS.map(asListed) })],
      ['POST /api/show', (exchange) => this.#show(exchange)],
      ['POST /api/generate', (exchange) => this.#answer(exchange, 'generate')],
      ['POST /api/chat', (exchange) => this.#answer(exchange, 'chat')],
      ['POST /api/embed', (exchange) => this.#embed(exchange)],
      ['POST /api/embeddings', (exchange) => this.#embedOne(exchange)],
      ['POST /v1/chat/completions', (exchange) => this.#complete(exchange, 'chat')],
      ['POST /v1/completions', (exchange) => this.#complete(exchange, 'completions')],
      ['POST /v1/responses', (exchange) => this.#complete(exchange, 'responses')],
      ['POST /v1/messages', (exchange) => this.#complete(exchange, 'messages')],
      ['POST /v1/embeddings', (exchange) => this.#embedList(exchange)],
      ['GET /v1/models', ({ response }) => reply(response, 200, openaiModels(MODELS))],
    ]);
  }

  async #ps(response: ServerResponse): Promise<void> {
    const loaded = await this.#models.loaded();
    reply(response, 200, { models: [...loaded.map(asLoaded), ...this.#models.listedEarly.map(asLoading)] });
  }

  async #show({ request, response }: Exchange): Promise<void> {
    reply(response, 200, asShown(findModel((await bodyOf(request))['model'])));
  }

  async #answer({ request, response }: Exchange, api: Api): Promise<void> {
    const began = performance.now();
    const body = await bodyOf(request);
    const model = findModel(body['model']);
    const shape = shapeOf(api, model.name);
    const prompt = promptOf(api, body);
    if (prompt === null && parseKeepAlive(body['keep_alive']) === 0) {
      await this.#models.unload(model);
      return reply(response, 200, shape('', { done: true, done_reason: 'unload' }));
    }
    const wire = nativeWire(response, shape, body['stream'] !== false);
    await this.#use(response, body, (pause) => {
      if (prompt === null) reply(response, 200, shape('', { done: true, done_reason: 'load' }));
      else return this.#generate({ prompt, began, wire }, pause);
    });
  }

  async #complete({ request, response, path }: Exchange, api: CompatApi): Promise<void> {
    const began = performance.now();
    const body = await bodyOf(request);
    const prompt = compatPrompt(api, body);
    const { stream, stream_options: options } = body;
    const form = { model: findModel(body['model']).name, streams: stream === true, withUsage: isObject(options) && options['include_usage'] === true };
    const wire = compatWire(response, { api, form, path, prompt });
    await this.#use(response, { model: form.model }, (pause) => this.#generate({ prompt, began, wire }, pause));
  }

  async #embed({ request, response }: Exchange): Promise<void> {
    const body = await bodyOf(request);
    const inputs = inputsOf(body['input']);
    await this.#read(response, body, inputs);
    reply(response, 200, { model: body['model'], embeddings: inputs.map(embeddingOf), prompt_eval_count: inputs.length });
  }

  /** As it was before /api/embed. */
  async #embedOne({ request, response }: Exchange): Promise<void> {
    const body = await bodyOf(request);
    const inputs = inputsOf(body['prompt']);
    await this.#read(response, body, inputs);
    reply(response, 200, { embedding: inputs.flatMap(embeddingOf) });
  }

  async #embedList({ request, response }: Exchange): Promise<void> {
    const body = await bodyOf(request);
    const inputs = inputsOf(body['input']);
    if (inputs.length === 0) throw new Failure(400, 'invalid input');
    await this.#read(response, { model: body['model'] }, inputs);
    const usage = { prompt_tokens: inputs.length, total_tokens: inputs.length };
    reply(response, 200, { object: 'list', data: embeddingList(inputs, body['encoding_format']), model: body['model'], usage });
  }

  /** Reads texts with the model that `body` asks for. */
  async #read(response: ServerResponse, body: Body, inputs: readonly string[]): Promise<void> {
    await this.#use(response, body, async (pause) => {
      const end = this.#models.work('embed');
      await pause(EMBED_MS * inputs.length).finally(end);
    });
  }

  async #generate(asked: Omit<Generation, 'breaks'>, pause: Pause): Promise<void> {
    await generate({ ...asked, breaks: this.#quirks.mid_stream_error }, pause, () => this.#models.work('generate'));
  }

  /** Runs `work` with the model that `body` asks for; it ends when the client leaves. */
  async #use(response: ServerResponse, body: Body, work: (pause: Pause) => Promise<void> | undefined): Promise<void> {
    const signal = clientGone(response);
    const wish = { model: findModel(body['model']), keepAliveMs: parseKeepAlive(body['keep_alive']), options: runnerOptions(body['options']) };
    try {
      await this.#models.use({ ...wish, signal }, async () => work((ms) => this.#pause(ms, signal)));
    } catch (error) {
      throw signal.aborted ? canceled() : error;
    }
  }
}

async function bodyOf(request: Exchange['request']): Promise<Body> {
  const body = parseObject(await readBody(request));
  if (body === null) throw new Failure(400, 'invalid character looking for beginning of value');
  return body;
}

function findModel(wanted: unknown): Model {
  const model = MODELS.find(({ name }) => name === wanted);
  if (model !== undefined) return model;
  throw new Failure(404, `model '${typeof wanted === 'string' ? wanted : ''}' not found`);
}

if (isMain(import.meta.url)) await runAsProcess('ollama', createOllama);
