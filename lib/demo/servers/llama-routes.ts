import { clientGone, send } from './http.ts';
import type { Exchange } from './http.ts';
import { emit } from './llama-emit.ts';
import type { LlamaEngine } from './llama-engine.ts';
import { llamaError, sendLlama } from './llama-http.ts';
import { BUILD, CONTEXT_TOKENS, jobOf } from './llama-job.ts';
import type { LlamaApi } from './llama-job.ts';
import type { Slot } from './llama-slots.ts';
import { tokensIn } from './llama-text.ts';
import type { Pause } from './pace.ts';

/** Whether a client is still there is looked at once a second; so long it takes on average. */
const CANCEL_MS = 500;

/** One model, and how its process treats its clients. */
export interface Backend {
  readonly engine: LlamaEngine;
  readonly pause: Pause;
  readonly quirks: { readonly late_cancel: boolean; readonly metrics: boolean; readonly mid_stream_error: boolean };
  /** Whether a request that does not stream goes on when its client leaves: its client is the router, which stays. */
  readonly isDeaf: boolean;
}

/** A request to one model; `body` is empty for a GET. */
export interface ModelRequest {
  readonly exchange: Exchange;
  readonly backend: Backend;
  readonly body: Readonly<Record<string, unknown>>;
}

type ModelHandler = (request: ModelRequest) => Promise<void> | void;

/** What a process with one model answers to, by method and path. A router hands these on. */
export const MODEL_ROUTES: ReadonlyMap<string, ModelHandler> = new Map<string, ModelHandler>([
  ['POST /v1/chat/completions', infer('chat')],
  ['POST /chat/completions', infer('chat')],
  ['POST /v1/completions', infer('completions')],
  ['POST /completions', infer('native')],
  ['POST /completion', infer('native')],
  ['POST /v1/embeddings', noEmbeddings],
  ['POST /embeddings', noEmbeddings],
  ['POST /tokenize', tokenize],
  ['GET /slots', slots],
  ['GET /props', props],
  ['GET /metrics', metrics],
  ['GET /lora-adapters', ({ exchange }) => sendLlama(exchange.response, [])],
]);

function infer(api: LlamaApi): ModelHandler {
  return async ({ exchange: { response }, backend, body }) => {
    const { engine, quirks } = backend;
    const job = jobOf({ api, body, model: engine.model.name, breaks: quirks.mid_stream_error });
    const client = clientOf(response, backend, job.streams);
    await engine.run(api, client, (turn) => emit(response, job, turn));
  };
}

/** Aborts when the process notices that its client is gone, if it ever does. */
function clientOf(response: Exchange['response'], { isDeaf, quirks, pause }: Backend, streams: boolean): AbortSignal {
  const gone = clientGone(response);
  if (streams || gone.aborted) return gone;
  if (!isDeaf && !quirks.late_cancel) return gone;
  const noticed = new AbortController();
  if (!isDeaf) gone.addEventListener('abort', () => void pause(CANCEL_MS).then(() => noticed.abort(gone.reason)), { once: true });
  return noticed.signal;
}

function noEmbeddings(): never {
  throw llamaError('not_supported_error', 'This server does not support embeddings. Start it with `--embeddings`');
}

function tokenize({ exchange: { response }, body }: ModelRequest): void {
  const { content } = body;
  const count = tokensIn(typeof content === 'string' ? content : '');
  sendLlama(response, { tokens: Array.from({ length: count }, (_, at) => at) });
}

async function slots({ exchange: { response, query }, backend: { engine } }: ModelRequest): Promise<void> {
  const all = await engine.look();
  if (query.has('fail_on_no_slot') && all.every(({ busy }) => busy)) throw llamaError('unavailable_error', 'no slot available');
  sendLlama(response, all.map(asListed));
}

function asListed({ id, busy, task, decoded }: Slot): object {
  const next = { has_next_token: busy, has_new_line: false, n_remain: -1, n_decoded: decoded };
  return { id, n_ctx: CONTEXT_TOKENS, speculative: false, is_processing: busy, id_task: task, next_token: [next] };
}

function props({ exchange: { response }, backend: { engine } }: ModelRequest): void {
  sendLlama(response, {
    default_generation_settings: { n_ctx: CONTEXT_TOKENS, params: { n_predict: -1, temperature: 0.8 } },
    total_slots: engine.slots.all.length,
    model_alias: engine.model.name,
    model_path: `/models/${engine.model.name}.gguf`,
    modalities: { vision: false, audio: false },
    chat_template: '',
    build_info: BUILD,
    is_sleeping: engine.asleep,
  });
}

function metrics({ exchange: { response }, backend: { engine, quirks } }: ModelRequest): void {
  if (!quirks.metrics) throw llamaError('not_supported_error', 'This server does not support metrics endpoint. Start it with `--metrics`');
  const rows = [
    metric('tokens_predicted_total', 'counter', engine.predictedTokens),
    metric('requests_processing', 'gauge', engine.slots.processing),
    metric('requests_deferred', 'gauge', engine.slots.deferred),
  ];
  send(response, 200, { type: 'text/plain; version=0.0.4', body: rows.join('') });
}

function metric(name: string, type: string, value: number): string {
  return `# HELP llamacpp:${name} ${name.replaceAll('_', ' ')}.\n# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`;
}
