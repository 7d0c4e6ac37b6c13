import { randomUUID } from 'node:crypto';
import { Refusal, asJson, isObject, parseObject } from './http.ts';
import type { Job } from './llama-emit.ts';
import { chatShape, completionShape } from './llama-openai.ts';
import type { AnswerShape, Identity } from './llama-openai.ts';
import { answerTo, chatText, tokensIn } from './llama-text.ts';
import type { Answer } from './llama-text.ts';

/** The model it serves. */
export const VLLM_MODEL = 'Qwen/Qwen2.5-3B-Instruct';
/** `--max-model-len`, tokens. */
export const MAX_TOKENS = 4096;
/** Tokens of an answer to `/v1/completions` unless told otherwise. */
const COMPLETION_TOKENS = 16;

/** An answer that breaks does so after so many tokens. */
const FAULT_AFTER = 3;

export type VllmApi = 'chat' | 'completions';

/** What is asked of the model. */
export interface Asked {
  readonly api: VllmApi;
  readonly bytes: Buffer;
  /** Whether answers break. */
  readonly breaks: boolean;
  /** Whether the weights are wrong. */
  readonly garbled: boolean;
}

/**
 * What an inference request asks for.
 * @throws Refusal when it cannot be served.
 */
export function vllmJob({ api, bytes, breaks, garbled }: Asked): Job {
  const body = parseObject(bytes);
  if (body === null) throw vllmError(400, 'Bad Request', 'JSON decode error');
  checkModel(body['model']);
  const prompt = promptOf(api, body);
  const promptTokens = tokensIn(prompt);
  if (promptTokens >= MAX_TOKENS) throw tooLong(promptTokens);
  const tokens = limitIn(body) ?? (api === 'completions' ? COMPLETION_TOKENS : undefined);
  const answer = answerTo(prompt, { tokens, room: MAX_TOKENS - promptTokens, endless: body['ignore_eos'] === true });
  return {
    shape: shapeOf(api, body),
    answer: garbled ? asGarbled(answer) : answer,
    promptTokens,
    streams: body['stream'] === true,
    headers: { 'Content-Type': 'text/event-stream; charset=utf-8' },
    type: 'application/json',
    saysDone: true,
    saysDoneAfterFault: true,
    fault: breaks ? { after: FAULT_AFTER, event: errorBody(500, 'InternalServerError', 'Internal server error') } : undefined,
  };
}

/** An error in vLLM's shape. */
export function vllmError(status: number, type: string, message: string): Refusal {
  return new Refusal(status, asJson(errorBody(status, type, message)));
}

export function errorBody(code: number, type: string, message: string): object {
  return { error: { message, type, param: null, code } };
}

/** Without a model the only one is meant. */
function checkModel(name: unknown): void {
  if (name === undefined || name === null || name === VLLM_MODEL) return;
  throw vllmError(404, 'NotFoundError', `The model \`${typeof name === 'string' ? name : JSON.stringify(name)}\` does not exist.`);
}

function promptOf(api: VllmApi, body: Readonly<Record<string, unknown>>): string {
  const text = api === 'chat' ? chatText(body['messages']) : body['prompt'];
  if (typeof text === 'string') return text;
  const field = api === 'chat' ? 'messages' : 'prompt';
  throw vllmError(400, 'Bad Request', `[{'type': 'missing', 'loc': ('body', '${field}'), 'msg': 'Field required'}]`);
}

function tooLong(tokens: number): Error {
  const message = `This model's maximum context length is ${MAX_TOKENS} tokens. However, your request has ${tokens} input tokens.`;
  return vllmError(400, 'BadRequestError', message);
}

function limitIn(body: Readonly<Record<string, unknown>>): number | undefined {
  const limit = body['max_completion_tokens'] ?? body['max_tokens'];
  return typeof limit === 'number' && limit >= 1 ? limit : undefined;
}

/** What a model says whose weights are not there. */
function asGarbled({ pieces, reason }: Answer): Answer {
  return { pieces: pieces.map(() => '!'), reason };
}

function shapeOf(api: VllmApi, body: Readonly<Record<string, unknown>>): AnswerShape {
  const options = body['stream_options'];
  const identity: Identity = {
    id: `${api === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID().replaceAll('-', '')}`,
    model: VLLM_MODEL,
    created: Math.floor(Date.now() / 1000),
    extra: {},
    choice: { logprobs: null, stop_reason: null },
    roleContent: '',
    measured: () => ({}),
    streamsUsage: isObject(options) && options['include_usage'] === true,
  };
  return api === 'chat' ? chatShape(identity) : completionShape(identity);
}
