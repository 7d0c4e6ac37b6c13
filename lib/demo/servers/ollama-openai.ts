import type { ServerResponse } from 'node:http';
import type { Figures, Wire } from './ollama-generate.ts';
import type { Model } from './ollama-models.ts';
import { openaiError, reply } from './ollama-reply.ts';

/** What of an OpenAI request decides the answer's form. */
export interface CompletionForm {
  readonly model: string;
  readonly streams: boolean;
  /** `stream_options.include_usage`. */
  readonly withUsage: boolean;
}

let completions = 0;

/** `/v1/chat/completions`: server-sent events, or one object. */
export function completionWire(response: ServerResponse, { model, streams, withUsage }: CompletionForm): Wire {
  const id = `chatcmpl-${(completions += 1)}`;
  const common = { id, created: Math.floor(Date.now() / 1000), model, system_fingerprint: 'fp_ollama' };
  const event = (data: unknown): void => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(data)}\n\n`);
  };
  const chunk = (content: string, reason: string | null): unknown => {
    const choice = { index: 0, delta: { role: 'assistant', content }, finish_reason: reason };
    return { ...common, object: 'chat.completion.chunk', choices: [choice] };
  };
  return {
    word: (text) => {
      if (streams) event(chunk(text, null));
    },
    finish: (content, figures) => {
      const message = { role: 'assistant', content };
      const whole = { ...common, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }], usage: usageOf(figures) };
      if (!streams) return reply(response, 200, whole);
      event(chunk('', 'stop'));
      if (withUsage) event({ ...common, object: 'chat.completion.chunk', choices: [], usage: usageOf(figures) });
      response.end('data: [DONE]\n\n');
    },
    fail: (message) => {
      const error = openaiError(500, message);
      if (!response.headersSent) return reply(response, 500, { error });
      event({ error });
      response.end();
    },
  };
}

/** `/v1/models`. */
export function openaiModels(models: readonly Model[]): unknown {
  const data = models.map(({ name }) => ({ id: name, object: 'model', created: 1_767_225_600, owned_by: 'library' }));
  return { object: 'list', data };
}

function usageOf({ promptTokens, tokens }: Figures): unknown {
  return { prompt_tokens: promptTokens, completion_tokens: tokens, total_tokens: promptTokens + tokens };
}
