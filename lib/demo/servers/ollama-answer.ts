import { isObject } from './http.ts';

/** Ollama's two native ways to ask. */
export type Api = 'generate' | 'chat';

/** One line of an answer: a piece of text and the rest of the members. */
export type AnswerShape = (text: string, rest: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** How long a model stays loaded after its last use unless told otherwise (`OLLAMA_KEEP_ALIVE`), ms. */
const DEFAULT_KEEP_ALIVE_MS = 5 * 60_000;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export function shapeOf(api: Api, model: string): AnswerShape {
  return (text, rest) => {
    const piece = api === 'chat' ? { message: { role: 'assistant', content: text } } : { response: text };
    return { model, created_at: new Date().toISOString(), ...piece, ...rest };
  };
}

/** What was asked; null: nothing, so only load or unload. */
export function promptOf(api: Api, body: Readonly<Record<string, unknown>>): string | null {
  const { prompt, messages } = body;
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const text = api === 'generate' ? prompt : isObject(last) ? last['content'] : undefined;
  return typeof text === 'string' && text !== '' ? text : null;
}

/** `keep_alive` in ms: a number is seconds, a string a Go duration, negative means for ever. */
export function parseKeepAlive(value: unknown): number {
  if (typeof value === 'number') return value < 0 ? Number.POSITIVE_INFINITY : value * 1000;
  if (typeof value !== 'string') return DEFAULT_KEEP_ALIVE_MS;
  if (value.startsWith('-')) return Number.POSITIVE_INFINITY;
  if (Number(value) === 0) return 0;
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0) return DEFAULT_KEEP_ALIVE_MS;
  return parts.reduce((total, [, number, unit = '']) => total + Number(number) * (UNIT_MS[unit] ?? 0), 0);
}

/** An answer in pieces, each a word with its space. */
export function answerWords(prompt: string): readonly string[] {
  const question = prompt.length > 60 ? `${prompt.slice(0, 57)}...` : prompt;
  const text =
    `You asked: "${question}". This answer comes from a small simulated model that has no idea, but it does hold ` +
    'a few thousand MiB of a simulated card, and it streams word by word just as the real one would.';
  return text.match(/\S+\s*/g) ?? [];
}
