import { embeddingList, embeddingOf, inputsOf } from './embedding.ts';
import { work } from './llama-backend.ts';
import type { ModelHandler, ModelRequest } from './llama-backend.ts';
import { llamaError, sendLlama } from './llama-http.ts';
import { documentsOf, rank } from './llama-rank.ts';
import { tokensIn } from './llama-text.ts';

/** For each text. */
const READ_MS = 20;

/** Embeddings as OpenAI's API has them, or as llama.cpp itself. */
export function embeddings(api: 'openai' | 'native'): ModelHandler {
  return async (request) => {
    const { backend, body } = request;
    if (!backend.quirks.embeddings) throw llamaError('not_supported_error', 'This server does not support embeddings. Start it with `--embeddings`');
    const inputs = inputsOf(body['input'] ?? body['content']);
    if (inputs.length === 0) throw llamaError('invalid_request_error', '"input" or "content" must be provided');
    const own = inputs.map((text, index) => ({ index, embedding: [embeddingOf(text)] }));
    await answer(request, inputs, (usage) => (api === 'native' ? own : { ...usage, object: 'list', data: embeddingList(inputs, body['encoding_format']) }));
  };
}

/** Documents in the order of how well they answer a query, as Jina's API has it. */
export async function rerank(request: ModelRequest): Promise<void> {
  const { backend, body } = request;
  if (!backend.quirks.reranking) throw llamaError('not_supported_error', 'This server does not support reranking. Start it with `--reranking`');
  const { query, top_n: most } = body;
  if (typeof query !== 'string') throw llamaError('invalid_request_error', '"query" must be provided');
  const documents = documentsOf(body);
  if (documents === null) throw llamaError('invalid_request_error', '"documents" must be a non-empty string array');
  const results = rank(query, documents, typeof most === 'number' ? most : documents.length);
  await answer(request, [query, ...documents], (usage) => ({ ...usage, object: 'list', results }));
}

async function answer(request: ModelRequest, texts: readonly string[], bodyOf: (common: object) => object): Promise<void> {
  const tokens = texts.reduce((sum, text) => sum + tokensIn(text), 0);
  const common = { model: request.backend.engine.model.name, usage: { prompt_tokens: tokens, total_tokens: tokens } };
  await work(request, {
    job: 'embed',
    streams: false,
    run: async ({ tick, done }) => {
      await tick(READ_MS * texts.length);
      done();
      sendLlama(request.exchange.response, bodyOf(common));
    },
  });
}
