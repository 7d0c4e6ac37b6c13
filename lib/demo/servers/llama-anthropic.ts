import type { AnswerShape } from './llama-openai.ts';

/** What is the same in all of an answer of Anthropic's API. */
export interface MessageIdentity {
  readonly id: string;
  readonly model: string;
  readonly promptTokens: number;
}

/** An answer of `/v1/messages`. */
export function messagesShape({ id, model, promptTokens }: MessageIdentity): AnswerShape {
  const message = { id, type: 'message', role: 'assistant', model };
  const usageOf = (tokens: number): object => ({ input_tokens: promptTokens, output_tokens: tokens });
  const unfinished = { ...message, content: [], stop_reason: null, stop_sequence: null, usage: usageOf(0) };
  return {
    named: true,
    opening: [
      { type: 'message_start', message: unfinished },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ],
    piece: (text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    ending: (reason, { tokens }) => [
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: stopReason(reason), stop_sequence: null }, usage: usageOf(tokens) },
      { type: 'message_stop' },
    ],
    whole: (text, reason, { tokens }) => {
      return { ...message, content: [{ type: 'text', text }], stop_reason: stopReason(reason), stop_sequence: null, usage: usageOf(tokens) };
    },
  };
}

function stopReason(reason: string): string {
  return reason === 'length' ? 'max_tokens' : 'end_turn';
}
