import { isObject } from './http.ts';

/** Characters in a token, on average. */
const TOKEN_CHARS = 4;

const TEXT =
  'This answer comes from a small simulated model. It has no idea what the question means, but it holds memory of a ' +
  'simulated card as the real one would, it takes its time for every token, and it can be stopped at any of them. ';

/** An answer before it is given. */
export interface Answer {
  /** One for each token. */
  readonly pieces: readonly string[];
  /** Why it ends: by itself, or at a limit. */
  readonly reason: 'stop' | 'length';
}

/** How long an answer may become. */
export interface AnswerLimits {
  /** Tokens; undefined: as many as it takes. */
  readonly tokens: number | undefined;
  /** Tokens that the context has room for. */
  readonly room: number;
  /** Goes on until a limit (`ignore_eos`). */
  readonly endless: boolean;
}

/** The answer to `prompt`. */
export function answerTo(prompt: string, { tokens, room, endless }: AnswerLimits): Answer {
  const words = wordsOf(`You asked: "${prompt.slice(0, 60)}". ${TEXT}`);
  const limit = Math.max(0, Math.min(tokens ?? room, room));
  const length = endless ? limit : Math.min(limit, words.length);
  const pieces = Array.from({ length }, (_, at) => words[at % words.length] ?? '');
  return { pieces, reason: endless || length < words.length ? 'length' : 'stop' };
}

export function tokensIn(text: string): number {
  return Math.ceil(text.length / TOKEN_CHARS);
}

/** The text of a chat; null when there are no messages in it. */
export function chatText(messages: unknown): string | null {
  if (!Array.isArray(messages) || messages.length === 0) return null;
  return messages.map((message: unknown) => (isObject(message) ? contentText(message['content']) : '')).join('\n');
}

/** The text of a request of OpenAI's Responses API: a string or messages, after its instructions; null when there is none. */
export function responsesText({ instructions, input }: Readonly<Record<string, unknown>>): string | null {
  return after(instructions, typeof input === 'string' ? input : chatText(input));
}

/** The text of a request of Anthropic's Messages API; null when there are no messages in it. */
export function messagesText({ system, messages }: Readonly<Record<string, unknown>>): string | null {
  return after(system, chatText(messages));
}

function after(system: unknown, text: string | null): string | null {
  return text === null ? null : [contentText(system), text].filter((part) => part !== '').join('\n');
}

/** A message's text is a string, or in parts. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: unknown) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : '')).join('');
}

function wordsOf(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? [];
}
