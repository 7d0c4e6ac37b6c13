import { clientGone, createRoutedServer, messageOf, readBody, send, sendJson } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { emit, endStream, openStream, writeEvent } from './llama-emit.ts';
import { paceOf } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';
import type { Resolved } from './quirks.ts';
import { VllmEngine } from './vllm-engine.ts';
import { VllmControl } from './vllm-control.ts';
import { MAX_TOKENS, VLLM_MODEL, errorBody, vllmError, vllmJob } from './vllm-job.ts';
import type { VllmApi } from './vllm-job.ts';
import { AWAKE_MIB } from './vllm-memory.ts';
import { metricsText } from './vllm-metrics.ts';
import { VLLM_QUIRKS } from './vllm-quirks.ts';
import { ProcessMemory } from './weights.ts';

export { VLLM_QUIRKS };

type VllmQuirks = Resolved<typeof VLLM_QUIRKS>;

/** uvicorn's. */
const KEEP_ALIVE_MS = 5000;

/** vLLM's OpenAI server with one model: reserves its memory before the port opens, and gives most of it back while it sleeps. */
export function createVllm({ card, speed, pause = paceOf(speed), quirks: wanted }: DemoServerOptions): DemoServer {
  const quirks = resolveQuirks(VLLM_QUIRKS, wanted);
  const engine = new VllmEngine(new ProcessMemory(card, 'vllm'), pause, quirks);
  const routes = new VllmServer(engine, quirks).routes();
  const server = createRoutedServer({
    routes,
    notFound: ({ path }) => {
      const known = [...routes.keys()].some((route) => route.endsWith(` ${path}`));
      throw known ? vllmError(405, 'Method Not Allowed', 'Method Not Allowed') : vllmError(404, 'Not Found', 'Not Found');
    },
    failed: ({ response }, error) => sendJson(response, 500, errorBody(500, 'InternalServerError', messageOf(error))),
    around: ({ response }, next) => {
      response.setHeader('Server', 'uvicorn');
      // With it goes Keep-Alive; the connection stays all the same.
      if (quirks.silent_keep_alive) response.removeHeader('Connection');
      return next();
    },
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.keepAliveTimeoutBuffer = 0; // it does close after that
  return { server, prepare: () => start(engine, card.freeMib()) };
}

/** The share of the card that was asked for has to be free, or it does not start. */
async function start(engine: VllmEngine, freeMib: number): Promise<void> {
  if (freeMib >= AWAKE_MIB) return engine.start();
  throw new Error(`Free memory on device (${freeMib} MiB) on startup is less than desired GPU memory utilization (${AWAKE_MIB} MiB).`);
}

class VllmServer {
  readonly #engine: VllmEngine;
  readonly #quirks: VllmQuirks;
  /** Requests on the routes that count. */
  #load = 0;

  constructor(engine: VllmEngine, quirks: VllmQuirks) {
    this.#engine = engine;
    this.#quirks = quirks;
  }

  routes(): ReadonlyMap<string, Handler> {
    const health = ({ response }: Exchange): void => send(response, this.#isWell() ? 200 : 503);
    const control = this.#quirks.dev_mode ? new VllmControl(this.#engine, this.#quirks).routes() : [];
    return new Map<string, Handler>([
      ['GET /health', health],
      ['GET /ping', health],
      ['POST /ping', health],
      ['GET /version', ({ response }) => sendJson(response, 200, { version: '0.15.1' })],
      ['GET /v1/models', models],
      ['GET /load', ({ response }) => sendJson(response, 200, { server_load: this.#quirks.load_tracking ? this.#load : 0 })],
      ['GET /metrics', ({ response }) => send(response, 200, metricsText(this.#engine))],
      ['POST /v1/chat/completions', (exchange) => this.#infer(exchange, 'chat')],
      ['POST /v1/completions', (exchange) => this.#infer(exchange, 'completions')],
      ...control,
    ]);
  }

  #isWell(): boolean {
    return !this.#engine.dead || this.#quirks.health_ignores_engine;
  }

  async #infer({ request, response }: Exchange, api: VllmApi): Promise<void> {
    this.#load += 1;
    response.once('close', () => (this.#load -= 1));
    const bytes = await readBody(request);
    const job = vllmJob({ api, bytes, breaks: this.#quirks.mid_stream_error, garbled: this.#engine.garbled });
    const client = clientGone(response);
    try {
      await this.#engine.run(api, client, async (turn) => {
        if (job.streams && this.#quirks.stream_head_at_once) openStream(response, job.headers);
        await emit(response, job, turn);
      });
    } catch (error) {
      if (!this.#engine.dead || !response.headersSent) throw error;
      writeEvent(response, errorBody(500, 'InternalServerError', messageOf(error)));
      endStream(response, true);
    }
  }
}

function models({ response }: Exchange): void {
  const created = Math.floor(Date.now() / 1000);
  const model = { id: VLLM_MODEL, object: 'model', created, owned_by: 'vllm', root: VLLM_MODEL, parent: null, max_model_len: MAX_TOKENS };
  sendJson(response, 200, { object: 'list', data: [model] });
}

if (isMain(import.meta.url)) await runAsProcess('vllm', createVllm);
