import type { ServerResponse } from 'node:http';
import { answerWords } from './ollama-answer.ts';
import type { AnswerShape } from './ollama-answer.ts';
import { reply } from './ollama-reply.ts';
import type { Pause } from './pace.ts';

const WORD_MS = 25;
const NANOSECONDS = 1_000_000;
/** A generation that is to break does so after so many words. */
const WORDS_BEFORE_BREAK = 3;
const BREAK = 'an error was encountered while running the model: CUDA error: out of memory';

/** How long a generation took, ms, and how many tokens it had. */
export interface Figures {
  readonly totalMs: number;
  readonly loadMs: number;
  readonly evalMs: number;
  readonly promptTokens: number;
  readonly tokens: number;
}

/** One way to put an answer on the wire. */
export interface Wire {
  word(text: string): void;
  /** `text` is the whole answer. */
  finish(text: string, figures: Figures): void;
  /** May come after words. */
  fail(message: string): void;
}

/** What is to be generated. */
export interface Generation {
  readonly prompt: string;
  /** When the request came, by `performance.now()`. */
  readonly began: number;
  /** Ends in the middle with an error. */
  readonly breaks: boolean;
  readonly wire: Wire;
}

/** Generates word by word. `work` records the card's work; it ends before the answer does. */
export async function generate({ prompt, began, breaks, wire }: Generation, pause: Pause, work: () => () => void): Promise<void> {
  const words = answerWords(prompt);
  const loadedAt = performance.now();
  const end = work();
  try {
    for (const word of breaks ? words.slice(0, WORDS_BEFORE_BREAK) : words) {
      await pause(WORD_MS);
      wire.word(word);
    }
  } finally {
    end();
  }
  if (breaks) return wire.fail(BREAK);
  const now = performance.now();
  const promptTokens = prompt.split(/\s+/).length;
  wire.finish(words.join(''), { totalMs: now - began, loadMs: loadedAt - began, evalMs: now - loadedAt, promptTokens, tokens: words.length });
}

/** Ollama's own: a JSON object a line, or one object. */
export function nativeWire(response: ServerResponse, shape: AnswerShape, streams: boolean): Wire {
  const line = (piece: unknown): string => `${JSON.stringify(piece)}\n`;
  return {
    word: (text) => {
      if (!streams) return;
      if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
      response.write(line(shape(text, { done: false })));
    },
    finish: (text, figures) => {
      const last = shape(streams ? '' : text, { done: true, done_reason: 'stop', ...metrics(figures) });
      if (streams) response.end(line(last));
      else reply(response, 200, last);
    },
    fail: (error) => {
      if (response.headersSent) response.end(line({ error }));
      else reply(response, 500, { error });
    },
  };
}

/** Durations in ns; what is zero is left out. */
function metrics({ totalMs, loadMs, evalMs, promptTokens, tokens }: Figures): Record<string, number> {
  const all = {
    total_duration: totalMs * NANOSECONDS,
    load_duration: loadMs * NANOSECONDS,
    prompt_eval_count: promptTokens,
    prompt_eval_duration: WORD_MS * NANOSECONDS,
    eval_count: tokens,
    eval_duration: evalMs * NANOSECONDS,
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, Math.round(value)] as const).filter(([, value]) => value !== 0));
}
