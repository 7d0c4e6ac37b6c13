import { randomBytes } from 'node:crypto';
import type { Fault, Job } from './llama-emit.ts';
import { isObject } from './http.ts';
import { messagesShape } from './llama-anthropic.ts';
import { llamaError } from './llama-http.ts';
import { chatShape, completionShape } from './llama-openai.ts';
import type { AnswerShape, Identity, Usage } from './llama-openai.ts';
import { responsesShape } from './llama-responses.ts';
import { answerTo, chatText, messagesText, responsesText, tokensIn } from './llama-text.ts';

export const BUILD = 'b10587-3f545becc';
/** Tokens in the context of a model. */
export const CONTEXT_TOKENS = 4096;

/** The ways to ask for text: OpenAI's three, Anthropic's, and llama.cpp's own. */
export type LlamaApi = 'chat' | 'completions' | 'responses' | 'messages' | 'native';

/** The member that says what is asked, and its text; null: there is none. */
const ASKED_IN: Readonly<Record<LlamaApi, readonly [field: string, text: (body: Asked['body']) => unknown]>> = {
  chat: ['messages', ({ messages }) => chatText(messages)],
  completions: ['prompt', ({ prompt }) => prompt],
  responses: ['input', responsesText],
  messages: ['messages', messagesText],
  native: ['prompt', ({ prompt }) => prompt],
};
/** Those whose streams end with `[DONE]`. */
const SAY_DONE: ReadonlySet<LlamaApi> = new Set(['chat', 'completions']);

const HEADERS = { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' };
/** A stream that breaks does so after so many tokens. */
const FAULT_AFTER = 3;
const FAULT = { code: 500, message: 'Compute error.', type: 'server_error' };

/** What is asked of a model. */
export interface Asked {
  readonly api: LlamaApi;
  readonly body: Readonly<Record<string, unknown>>;
  /** The model's name, whatever the body says. */
  readonly model: string;
  /** Whether streams break. */
  readonly breaks: boolean;
}

/**
 * What an inference request asks for.
 * @throws Refusal when it asks for nothing, or for more than the context holds.
 */
export function jobOf({ api, body, model, breaks }: Asked): Job {
  const prompt = promptOf(api, body);
  const promptTokens = tokensIn(prompt);
  const room = CONTEXT_TOKENS - promptTokens;
  if (room <= 0) throw tooLong(promptTokens);
  const streams = body['stream'] === true;
  return {
    shape: shapeOf({ api, body, model }, prompt),
    answer: answerTo(prompt, { tokens: limitIn(body), room, endless: body['ignore_eos'] === true }),
    promptTokens,
    streams,
    headers: HEADERS,
    type: 'application/json; charset=utf-8',
    saysDone: SAY_DONE.has(api),
    saysDoneAfterFault: false,
    fault: breaks && streams ? { after: FAULT_AFTER, ...faultOf(api) } : undefined,
  };
}

/** How many tokens a request has, without an answer to it. */
export function tokensAsked(api: LlamaApi, body: Asked['body']): number {
  return tokensIn(promptOf(api, body));
}

function faultOf(api: LlamaApi): Omit<Fault, 'after'> {
  return api === 'messages' ? { event: FAULT, name: 'error' } : { event: { error: FAULT } };
}

function promptOf(api: LlamaApi, body: Asked['body']): string {
  const [field, textOf] = ASKED_IN[api];
  const text = textOf(body);
  if (typeof text === 'string') return text;
  throw llamaError('invalid_request_error', `'${field}' is required`);
}

function tooLong(tokens: number): Error {
  const message = `request (${tokens} tokens) exceeds the available context size (${CONTEXT_TOKENS} tokens), try increasing it`;
  return llamaError('exceed_context_size_error', message, { n_prompt_tokens: tokens, n_ctx: CONTEXT_TOKENS });
}

/** A negative limit is none. */
function limitIn(body: Asked['body']): number | undefined {
  const limit = body['max_tokens'] ?? body['max_completion_tokens'] ?? body['max_output_tokens'] ?? body['n_predict'];
  return typeof limit === 'number' && limit >= 0 ? limit : undefined;
}

function shapeOf({ api, body, model }: Omit<Asked, 'breaks'>, prompt: string): AnswerShape {
  const id = `chatcmpl-${randomBytes(24).toString('base64url')}`;
  if (api === 'native') return nativeShape(model, prompt);
  if (api === 'responses') return responsesShape(model);
  if (api === 'messages') return messagesShape({ id, model, promptTokens: tokensIn(prompt) });
  const options = body['stream_options'];
  const identity: Identity = {
    id,
    model,
    created: Math.floor(Date.now() / 1000),
    extra: { system_fingerprint: BUILD },
    choice: {},
    roleContent: null,
    measured: (usage) => ({ timings: timingsOf(usage) }),
    streamsUsage: isObject(options) && options['include_usage'] === true,
  };
  return api === 'chat' ? chatShape(identity) : completionShape(identity);
}

/** An answer of `/completion`. */
function nativeShape(model: string, prompt: string): AnswerShape {
  const last = (content: string, reason: string, usage: Usage): object => ({
    index: 0,
    content,
    tokens: [],
    stop: true,
    model,
    tokens_predicted: usage.tokens,
    tokens_evaluated: usage.promptTokens,
    prompt,
    truncated: false,
    stop_type: reason === 'length' ? 'limit' : 'eos',
    stopping_word: '',
    timings: timingsOf(usage),
  });
  return {
    opening: [],
    piece: (content) => ({ index: 0, content, tokens: [], stop: false }),
    ending: (reason, usage) => [last('', reason, usage)],
    whole: last,
  };
}

function timingsOf({ promptTokens, tokens, promptMs, tokensMs }: Usage): object {
  return { cache_n: 0, prompt_n: promptTokens, prompt_ms: promptMs, predicted_n: tokens, predicted_ms: tokensMs };
}
