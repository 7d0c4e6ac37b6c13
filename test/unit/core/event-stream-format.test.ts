import { describe, expect, test } from '@jest/globals';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { eventFrame, eventIdIn, heartbeatFrame, positionId, RETRY_FRAME, WATCH_HEADERS, watchFrame } from '../../../lib/core/event-stream-format.ts';

const BOOT = '0b5c1c1e-8c5e-4a39-9d5b-2f3d8f0d7c11';

function parse(text: string): { readonly messages: EventSourceMessage[]; readonly retries: number[]; readonly errors: unknown[] } {
  const messages: EventSourceMessage[] = [];
  const retries: number[] = [];
  const errors: unknown[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message), onRetry: (ms) => retries.push(ms), onError: (error) => errors.push(error) });
  parser.feed(text);
  return { messages, retries, errors };
}

describe('the form of the stream', () => {
  test('of an event has its type, its place and itself, whatever its texts hold', () => {
    const by = 'a\nb\r\n\ndata: c\u2028\u0000"';
    const event = { type: 'pause', paused: true, by, id: 7, time: '2026-05-04T10:11:12.131Z' } as const;
    const { messages, errors } = parse(eventFrame(event, BOOT));
    expect(errors).toEqual([]);
    expect(messages).toEqual([{ event: 'pause', id: `${BOOT}-7`, data: expect.any(String) }]);
    expect(JSON.parse(messages[0]?.data ?? '')).toEqual(event);
  });

  test('of what is for watchers only has an id where it changes their place', () => {
    const { messages } = parse(watchFrame('reset', { reason: 'x' }) + watchFrame('snapshot', { a: 1 }, positionId(3, BOOT)));
    expect(messages).toEqual([
      { event: 'reset', id: undefined, data: '{"reason":"x"}' },
      { event: 'snapshot', id: `${BOOT}-3`, data: '{"a":1}' },
    ]);
  });

  test('of a heartbeat is no event for any reader, and the time to come back is one', () => {
    expect(parse(RETRY_FRAME + heartbeatFrame(positionId(9, BOOT)))).toEqual({ messages: [], retries: [2000], errors: [] });
    expect(heartbeatFrame('x')).toMatch(/^: /);
  });
});

test('the head of the stream says that it is one, and that nobody is to keep it or keep it back', () => {
  expect(WATCH_HEADERS).toEqual({ 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
});

describe('a place in the log', () => {
  test('is read back as it was written', () => {
    for (const id of [0, 1, 41_234_567]) expect(eventIdIn(positionId(id, BOOT), BOOT)).toBe(id);
  });

  test.each(['', '7', BOOT, `${BOOT}-`, `${BOOT}-x`, `${BOOT}--1`, `${BOOT}-1.5`, `${BOOT}-1 `, `${BOOT}-9999999999999999`, '0b5c1c1e-8c5e-4a39-9d5b-2f3d8f0d7c12-7'])(
    '%j is of no event of this run',
    (position) => {
      expect(eventIdIn(position, BOOT)).toBeNull();
    },
  );
});
