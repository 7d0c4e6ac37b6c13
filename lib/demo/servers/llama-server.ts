import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import type { Backend } from './llama-backend.ts';
import { LlamaEngine } from './llama-engine.ts';
import type { LlamaModel } from './llama-memory.ts';
import { createLlamaHttp, jsonBody, sendLlama } from './llama-http.ts';
import { CONTEXT_TOKENS } from './llama-job.ts';
import { LLAMA_SERVER_QUIRKS } from './llama-quirks.ts';
import { MODEL_ROUTES } from './llama-routes.ts';
import { paceOf } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';
import { ProcessMemory } from './weights.ts';

export { LLAMA_SERVER_QUIRKS };

/** The model it serves, whatever name a request gives. */
export const MODEL: LlamaModel = { name: 'llama-3.2-3b', mib: 3000, contextMib: 600 };

/** llama.cpp's llama-server with one model. Nothing over HTTP unloads it. A server whose model does not load, or not again, emits `error`. */
export function createLlamaServer({ card, speed, pause = paceOf(speed), quirks: wanted }: DemoServerOptions): DemoServer {
  const quirks = resolveQuirks(LLAMA_SERVER_QUIRKS, wanted);
  const memory = new ProcessMemory(card, 'llama-server');
  const engine = new LlamaEngine({ memory, model: MODEL, pause, quirks, died: (error) => server.emit('error', error) });
  const routes = routesOf({ engine, pause, quirks, isDeaf: false }, quirks.broken_json_is_500);
  const server = createLlamaHttp({ routes, quirks, isLoading: () => !engine.loaded });
  if (!quirks.loads_after_bind) return { server, prepare: () => engine.load() };
  server.once('listening', () => void engine.load().catch((error: unknown) => server.emit('error', error)));
  return { server, prepare: () => undefined };
}

function routesOf(backend: Backend, brokenIsServerError: boolean): ReadonlyMap<string, Handler> {
  const routes = new Map<string, Handler>([
    ['GET /health', ({ response }) => sendLlama(response, { status: 'ok' })],
    ['GET /v1/health', ({ response }) => sendLlama(response, { status: 'ok' })],
    ['GET /models', models],
    ['GET /v1/models', models],
  ]);
  for (const [route, handle] of MODEL_ROUTES) {
    const isPost = route.startsWith('POST ');
    routes.set(route, async (exchange) => {
      const body = isPost ? await jsonBody(exchange.request, brokenIsServerError) : {};
      await handle({ exchange, backend, body });
    });
  }
  return routes;
}

function models({ response }: Exchange): void {
  const meta = { n_ctx_train: CONTEXT_TOKENS, size: MODEL.mib * 1024 * 1024 };
  const listed = { id: MODEL.name, object: 'model', created: Math.floor(Date.now() / 1000), owned_by: 'llamacpp', meta };
  sendLlama(response, { object: 'list', data: [listed] });
}

if (isMain(import.meta.url)) await runAsProcess('llama-server', createLlamaServer);
