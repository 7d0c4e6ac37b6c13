import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { messagesShape } from './llama-anthropic.ts';
import { writeEvent, writeShaped } from './llama-emit.ts';
import { completionShape } from './llama-openai.ts';
import type { AnswerShape } from './llama-openai.ts';
import { responsesShape } from './llama-responses.ts';
import { chatText, messagesText, responsesText } from './llama-text.ts';
import type { Figures, Wire } from './ollama-generate.ts';
import { completionWire } from './ollama-openai.ts';
import type { CompletionForm } from './ollama-openai.ts';
import { Failure, errorIn, reply } from './ollama-reply.ts';

/** The APIs of others in which Ollama can be asked for text. */
export type CompatApi = 'chat' | 'completions' | 'responses' | 'messages';

type Body = Readonly<Record<string, unknown>>;

/** The member that says what is asked, and its text; null: there is none. */
const ASKED_IN: Readonly<Record<CompatApi, readonly [field: string, text: (body: Body) => unknown]>> = {
  chat: ['messages', ({ messages }) => (Array.isArray(messages) ? chatText(messages.slice(-1)) : null)],
  completions: ['prompt', ({ prompt }) => prompt],
  responses: ['input', responsesText],
  messages: ['messages', messagesText],
};

/** What else Ollama says of a response: what was not asked for has its default. */
const RESPONSE_DEFAULTS = {
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  parallel_tool_calls: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
};

/**
 * What was asked.
 * @throws Failure when nothing was, or, in Anthropic's API, without a limit.
 */
export function compatPrompt(api: CompatApi, body: Body): string {
  const [field, textOf] = ASKED_IN[api];
  const text = textOf(body);
  if (typeof text !== 'string' || text === '') throw new Failure(400, `[] is too short - '${field}'`);
  const { max_tokens: most } = body;
  if (api === 'messages' && !(typeof most === 'number' && most > 0)) throw new Failure(400, 'max_tokens is required and must be positive');
  return text;
}

/** How an answer goes on the wire. `path`: where it was asked for. */
export function compatWire(response: ServerResponse, { api, form, path, prompt }: CompatAnswer): Wire {
  if (api === 'chat') return completionWire(response, form);
  const shape = shapeOf({ api, form, prompt });
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const event of shape.opening) writeShaped(response, shape, event);
  };
  return {
    word: (text) => {
      if (!form.streams) return;
      open();
      writeShaped(response, shape, shape.piece(text));
    },
    finish: (text, figures) => {
      if (!form.streams) return reply(response, 200, shape.whole(text, 'stop', usageOf(figures)));
      open();
      for (const event of shape.ending('stop', usageOf(figures))) writeShaped(response, shape, event);
      response.end(api === 'completions' ? 'data: [DONE]\n\n' : '');
    },
    fail: (message) => {
      const body = errorIn(path, 500, message);
      if (!response.headersSent) return reply(response, 500, body);
      writeEvent(response, body, api === 'messages' ? 'error' : undefined);
      response.end();
    },
  };
}

/** An answer that is to be put on the wire. */
export interface CompatAnswer {
  readonly api: CompatApi;
  readonly form: CompletionForm;
  readonly path: string;
  readonly prompt: string;
}

function shapeOf({ api, form: { model, withUsage }, prompt }: Omit<CompatAnswer, 'path'>): AnswerShape {
  if (api === 'responses') return responsesShape(model, RESPONSE_DEFAULTS);
  if (api === 'messages') return messagesShape({ id: `msg_${randomBytes(12).toString('hex')}`, model, promptTokens: prompt.split(/\s+/).length });
  return completionShape({
    id: `cmpl-${randomBytes(4).readUInt32BE()}`,
    model,
    created: Math.floor(Date.now() / 1000),
    extra: { system_fingerprint: 'fp_ollama' },
    choice: {},
    roleContent: null,
    measured: () => ({}),
    streamsUsage: withUsage,
  });
}

function usageOf({ promptTokens, tokens, loadMs, evalMs }: Figures): Parameters<AnswerShape['ending']>[1] {
  return { promptTokens, tokens, promptMs: loadMs, tokensMs: evalMs };
}
