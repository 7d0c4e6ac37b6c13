import type { Tongue } from './tongue.ts';

/** Headers of a stream of events that begins before its answer is there. */
export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache',
  // nginx would keep the comments back otherwise.
  'X-Accel-Buffering': 'no',
} as const;

/** A comment, which every parser of events drops: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function eventComment(text: string): string {
  return `: ${text}\n\n`;
}

/** An error in the middle of a stream, as the clients of an API read it. `body` is the error in the same tongue. */
export function errorEvent(tongue: Tongue, path: string, body: Readonly<Record<string, unknown>>): string {
  if (tongue === 'anthropic') return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
  if (path.endsWith('/v1/responses')) return `event: error\ndata: ${JSON.stringify({ ...memberOf(body), type: 'error', sequence_number: 0 })}\n\n`;
  return `data: ${JSON.stringify(body)}\n\n`;
}

/** https://platform.openai.com/docs/api-reference/responses-streaming/error: its members stand at the top. */
function memberOf({ error }: Readonly<Record<string, unknown>>): object {
  return typeof error === 'object' && error !== null ? error : { message: String(error) };
}
