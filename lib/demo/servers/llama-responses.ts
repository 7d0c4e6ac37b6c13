import { randomBytes } from 'node:crypto';
import type { AnswerShape, Usage } from './llama-openai.ts';

/**
 * An answer of `/v1/responses`, for one request: its events are numbered and repeat what came before. `extra`: further
 * members of the response.
 */
export function responsesShape(model: string, extra: object = {}): AnswerShape {
  const created = Math.floor(Date.now() / 1000);
  const [id, messageId] = [idOf('resp'), idOf('msg')];
  const response = (status: string, rest: object): object => ({ id, object: 'response', created_at: created, status, model, ...extra, ...rest });
  const begun = { response: response('in_progress', { output: [] }) };
  const events = new NumberedEvents(messageId);
  return {
    named: true,
    opening: [
      events.of('response.created', begun),
      events.of('response.in_progress', begun),
      events.ofItem('response.output_item.added', itemOf(messageId, 'in_progress', [])),
      events.ofPart('response.content_part.added', { part: partOf('') }),
    ],
    piece: (delta) => events.ofText(delta),
    ending: (_, usage) => {
      const part = partOf(events.text);
      const item = itemOf(messageId, 'completed', [part]);
      return [
        events.ofPart('response.output_text.done', { text: events.text, logprobs: [] }),
        events.ofPart('response.content_part.done', { part }),
        events.ofItem('response.output_item.done', item),
        events.of('response.completed', { response: response('completed', { output: [item], usage: usageOf(usage) }) }),
      ];
    },
    whole: (text, _, usage) => {
      const output = [itemOf(messageId, 'completed', [partOf(text)])];
      return response('completed', { completed_at: created, output, usage: usageOf(usage) });
    },
  };
}

class NumberedEvents {
  /** What has been said so far. */
  text = '';
  readonly #itemId: string;
  #count = 0;

  constructor(itemId: string) {
    this.#itemId = itemId;
  }

  of(type: string, rest: object): object {
    this.#count += 1;
    return { type, sequence_number: this.#count - 1, ...rest };
  }

  ofItem(type: string, item: object): object {
    return this.of(type, { output_index: 0, item });
  }

  ofPart(type: string, rest: object): object {
    return this.of(type, { item_id: this.#itemId, output_index: 0, content_index: 0, ...rest });
  }

  ofText(delta: string): object {
    this.text += delta;
    return this.ofPart('response.output_text.delta', { delta, logprobs: [] });
  }
}

function idOf(kind: string): string {
  return `${kind}_${randomBytes(16).toString('hex')}`;
}

function itemOf(id: string, status: string, content: readonly object[]): object {
  return { id, type: 'message', status, role: 'assistant', content };
}

function partOf(text: string): object {
  return { type: 'output_text', annotations: [], logprobs: [], text };
}

function usageOf({ promptTokens, tokens }: Usage): object {
  const details = { input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } };
  return { input_tokens: promptTokens, output_tokens: tokens, total_tokens: promptTokens + tokens, ...details };
}
