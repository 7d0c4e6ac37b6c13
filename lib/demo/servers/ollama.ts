import { Refusal, asJson, clientGone, createRoutedServer, messageOf, parseObject, readBody, send, sendJson } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { isAllowed } from './ollama-access.ts';
import { answerWords, parseKeepAlive, promptOf, shapeOf } from './ollama-answer.ts';
import type { Api, AnswerShape } from './ollama-answer.ts';
import { MODELS, Models } from './ollama-models.ts';
import type { Model, Runner } from './ollama-models.ts';
import { paceOf } from './pace.ts';
import type { Pause } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';

const WORD_MS = 25;
const NANOSECONDS = 1_000_000;
const BYTES_PER_MIB = 1024 * 1024;

/** Ollama: several models, each loaded on first use and unloaded by itself. */
export function createOllama({ card, speed, pause = paceOf(speed) }: DemoServerOptions): DemoServer {
  const routes = routesOf(new Models(card, pause), pause);
  const server = createRoutedServer({
    routes,
    notFound: ({ response, path }) => {
      const known = [...routes.keys()].some((route) => route.endsWith(` ${path}`));
      const body = known ? '405 method not allowed' : '404 page not found';
      send(response, known ? 405 : 404, { type: 'text/plain', body });
    },
    failed: ({ response }, error) => sendJson(response, 500, { error: `llama-server process has terminated: ${messageOf(error)}` }),
    around: async (exchange, next) => (isAllowed(exchange) ? next() : send(exchange.response, 403)),
  });
  server.keepAliveTimeout = 0; // Go keeps idle connections
  return { server, prepare: () => undefined };
}

function routesOf(models: Models, pause: Pause): ReadonlyMap<string, Handler> {
  return new Map<string, Handler>([
    ['GET /', ({ response }) => send(response, 200, { type: 'text/plain; charset=utf-8', body: 'Ollama is running' })],
    ['GET /api/version', ({ response }) => sendJson(response, 200, { version: '0.33.0' })],
    ['GET /api/ps', ({ response }) => sendJson(response, 200, { models: models.loaded.map(asLoaded) })],
    ['GET /api/tags', ({ response }) => sendJson(response, 200, { models: MODELS.map(asListed) })],
    ['POST /api/generate', (exchange) => answer(exchange, 'generate', { models, pause })],
    ['POST /api/chat', (exchange) => answer(exchange, 'chat', { models, pause })],
  ]);
}

interface Backend {
  readonly models: Models;
  readonly pause: Pause;
}

async function answer({ request, response }: Exchange, api: Api, { models, pause }: Backend): Promise<void> {
  const body = parseObject(await readBody(request));
  if (body === null) throw new Refusal(400, asJson({ error: 'invalid character looking for beginning of value' }));
  const model = findModel(body['model']);
  const shape = shapeOf(api, model.name);
  const prompt = promptOf(api, body);
  const keepAliveMs = parseKeepAlive(body['keep_alive']);
  if (prompt === null && keepAliveMs === 0) {
    models.unload(model);
    sendJson(response, 200, shape('', { done: true, done_reason: 'unload' }));
    return;
  }
  const signal = clientGone(response);
  const job = { prompt, shape, began: performance.now(), streams: body['stream'] !== false };
  await models.use({ model, keepAliveMs, signal }, () => generate(response, job, (ms) => pause(ms, signal)));
}

function findModel(wanted: unknown): Model {
  const model = MODELS.find(({ name }) => name === wanted);
  if (model !== undefined) return model;
  throw new Refusal(404, asJson({ error: `model '${typeof wanted === 'string' ? wanted : ''}' not found` }));
}

interface Job {
  /** null: only load. */
  readonly prompt: string | null;
  readonly shape: AnswerShape;
  readonly began: number;
  readonly streams: boolean;
}

async function generate(response: Exchange['response'], { prompt, shape, began, streams }: Job, pause: Pause): Promise<void> {
  if (prompt === null) {
    sendJson(response, 200, shape('', { done: true, done_reason: 'load' }));
    return;
  }
  const words = answerWords(prompt);
  const loadedAt = performance.now();
  if (streams) response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  for (const word of words) {
    await pause(WORD_MS);
    if (streams) response.write(`${JSON.stringify(shape(word, { done: false }))}\n`);
  }
  const now = performance.now();
  const last = shape(streams ? '' : words.join(''), {
    done: true,
    done_reason: 'stop',
    total_duration: Math.round((now - began) * NANOSECONDS),
    load_duration: Math.round((loadedAt - began) * NANOSECONDS),
    prompt_eval_count: 26,
    eval_count: words.length,
    eval_duration: Math.round((now - loadedAt) * NANOSECONDS),
  });
  if (streams) response.end(`${JSON.stringify(last)}\n`);
  else sendJson(response, 200, last);
}

function asListed({ name, mib, parameters }: Model): Record<string, unknown> {
  const [family = name] = name.split(/[\d.:]/);
  const digest = Buffer.from(name).toString('hex').padEnd(64, '0');
  const build = { parameter_size: parameters, quantization_level: 'Q4_K_M' };
  const details = { parent_model: '', format: 'gguf', family, families: [family], ...build };
  return { name, model: name, size: mib * BYTES_PER_MIB, digest, details };
}

function asLoaded({ model, expiresAt }: Runner): Record<string, unknown> {
  // The real one writes a date far away for "never"; JavaScript's last one ends in the year 275760.
  const expires = new Date(Math.min(expiresAt, Date.now() + 100 * 365 * 24 * 3_600_000));
  return { ...asListed(model), expires_at: expires.toISOString(), size_vram: model.mib * BYTES_PER_MIB, context_length: 4096 };
}

if (isMain(import.meta.url)) await runAsProcess('ollama', createOllama);
