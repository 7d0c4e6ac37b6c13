import { send } from './http.ts';
import { work } from './llama-backend.ts';
import type { ModelHandler, ModelRequest } from './llama-backend.ts';
import { emit } from './llama-emit.ts';
import { llamaError, sendLlama } from './llama-http.ts';
import { BUILD, CONTEXT_TOKENS, jobOf, tokensAsked } from './llama-job.ts';
import type { LlamaApi } from './llama-job.ts';
import type { Slot } from './llama-slots.ts';
import { tokensIn } from './llama-text.ts';
import { embeddings, rerank } from './llama-vectors.ts';

/** What a process with one model answers to, by method and path. A router hands these on. */
export const MODEL_ROUTES: ReadonlyMap<string, ModelHandler> = new Map<string, ModelHandler>([
  ['POST /v1/chat/completions', infer('chat')],
  ['POST /chat/completions', infer('chat')],
  ['POST /v1/completions', infer('completions')],
  ['POST /completions', infer('native')],
  ['POST /completion', infer('native')],
  ['POST /v1/responses', infer('responses')],
  ['POST /responses', infer('responses')],
  ['POST /v1/messages', infer('messages')],
  ['POST /v1/messages/count_tokens', countTokens],
  ['POST /v1/embeddings', embeddings('openai')],
  ['POST /embeddings', embeddings('native')],
  ['POST /embedding', embeddings('native')],
  ['POST /v1/rerank', rerank],
  ['POST /v1/reranking', rerank],
  ['POST /rerank', rerank],
  ['POST /reranking', rerank],
  ['POST /tokenize', tokenize],
  ['GET /slots', slots],
  ['GET /props', props],
  ['GET /metrics', metrics],
  ['GET /lora-adapters', ({ exchange }) => sendLlama(exchange.response, [])],
]);

function infer(api: LlamaApi): ModelHandler {
  return async (request) => {
    const { exchange: { response }, backend: { engine, quirks }, body } = request;
    const job = jobOf({ api, body, model: engine.model.name, breaks: quirks.mid_stream_error });
    await work(request, { job: api, streams: job.streams, run: (turn) => emit(response, job, turn) });
  };
}

/** The tokenizer is the model's, so that a sleeping model wakes. */
async function countTokens({ exchange: { response }, backend: { engine }, body }: ModelRequest): Promise<void> {
  await engine.look();
  sendLlama(response, { input_tokens: tokensAsked('messages', body) });
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
