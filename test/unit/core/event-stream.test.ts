import Anthropic from '@anthropic-ai/sdk';
import { Stream as AnthropicStream } from '@anthropic-ai/sdk/core/streaming';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import OpenAI from 'openai';
import { Stream as OpenAIStream } from 'openai/core/streaming';
import { errorEvent, eventComment, EVENT_STREAM_HEADERS } from '../../../lib/core/event-stream.ts';
import { errorBody } from '../../../lib/core/tongue.ts';
import type { SpokenError } from '../../../lib/core/tongue.ts';

const ERROR: SpokenError = { status: 503, code: 'queue_timeout', message: 'waited\nfor 9 s', consumer: 'llama', retryable: true, fields: {}, requestId: 'req-1' };

/** How a client has read a stream: the events until it ended, and what it threw. */
interface Reading {
  readonly events: readonly unknown[];
  readonly error: unknown;
}

async function readingOf(stream: AsyncIterable<unknown>): Promise<Reading> {
  const events: unknown[] = [];
  try {
    for await (const event of stream) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: null };
}

function answer(text: string): Response {
  return new Response(text, { headers: EVENT_STREAM_HEADERS });
}

function readByOpenAI(text: string): Promise<Reading> {
  return readingOf(OpenAIStream.fromSSEResponse(answer(text), new AbortController()));
}

function readByAnthropic(text: string): Promise<Reading> {
  return readingOf(AnthropicStream.fromSSEResponse(answer(text), new AbortController()));
}

describe('comments are dropped by the client of', () => {
  /** Whether each event has a comment before it. */
  const places = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 });
  const comment = eventComment('waiting, position 2, about 30 s');

  test('OpenAI, wherever they stand', async () => {
    await fc.assert(
      fc.asyncProperty(places, async (commented) => {
        const text = commented.map((isCommented, n) => `${isCommented ? comment : ''}data: {"n":${n}}\n\n`).join('');
        expect(await readByOpenAI(`${text}${comment}data: [DONE]\n\n`)).toEqual({ events: commented.map((_, n) => ({ n })), error: null });
      }),
    );
  });

  test('Anthropic, wherever they stand', async () => {
    await fc.assert(
      fc.asyncProperty(places, async (commented) => {
        const text = commented.map((isCommented, n) => `${isCommented ? comment : ''}event: message_delta\ndata: {"n":${n}}\n\n`).join('');
        expect(await readByAnthropic(`${text}${comment}`)).toEqual({ events: commented.map((_, n) => ({ n })), error: null });
      }),
    );
  });
});

describe('an error in a stream is thrown by the client of', () => {
  const openai = errorBody('openai', ERROR);

  test.each(['/v1/chat/completions', '/v1/responses', '/upstream/llama/v1/responses'])('OpenAI at %s', async (path) => {
    const { events, error } = await readByOpenAI(`${eventComment('waiting')}data: {"n":0}\n\n${errorEvent('openai', path, openai)}data: {"n":1}\n\n`);
    expect(events).toEqual([{ n: 0 }]);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ message: ERROR.message, code: 'queue_timeout' });
  });

  test('Anthropic', async () => {
    const { events, error } = await readByAnthropic(eventComment('waiting') + errorEvent('anthropic', '/v1/messages', errorBody('anthropic', ERROR)));
    expect(events).toEqual([]);
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ apiMessage: ERROR.message, type: 'overloaded_error' });
  });
});

test('a comment is a line that begins with a colon, and an empty one', () => {
  expect(eventComment('working')).toBe(': working\n\n');
});

describe('an error event', () => {
  test('of responses has its members at the top, and the type that marks it', () => {
    const [name, data = ''] = errorEvent('openai', '/v1/responses', errorBody('openai', ERROR)).split('\n');
    expect(name).toBe('event: error');
    expect(JSON.parse(data.replace('data: ', ''))).toMatchObject({ type: 'error', code: 'queue_timeout', message: ERROR.message, param: null, sequence_number: 0 });
  });

  test('of responses is the same behind every door, and where the error is no more than a word', () => {
    expect(errorEvent('openai', '/upstream/llama/v1/responses', { error: 'x' })).toBe('event: error\ndata: {"message":"x","type":"error","sequence_number":0}\n\n');
    expect(errorEvent('openai', '/v1/responses', { error: null })).toContain('"message":"null"');
  });

  test('of chats is nameless, as their other events are', () => {
    expect(errorEvent('openai', '/v1/chat/completions', { error: { message: 'x' } })).toBe('data: {"error":{"message":"x"}}\n\n');
  });
});

test('the head of a stream says that it is one, and that nobody is to keep it back', () => {
  expect(EVENT_STREAM_HEADERS).toEqual({ 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' });
});
