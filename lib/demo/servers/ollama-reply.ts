import type { ServerResponse } from 'node:http';
import { Refusal, messageOf, send } from './http.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Sends a whole JSON answer as Ollama's framework does. */
export function reply(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, { type: JSON_TYPE, body: JSON.stringify(body) });
}

/** What Ollama will not do. */
export class Failure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Answers for an error in the shape of the API that a path belongs to. */
export function replyFailure(response: ServerResponse, error: unknown, path: string): void {
  const [status, message] = error instanceof Failure ? [error.status, error.message] : [500, `llama-server process has terminated: ${messageOf(error)}`];
  reply(response, status, errorIn(path, status, message));
}

/** An error in the shape of the API that a path belongs to: Anthropic's, OpenAI's, or Ollama's own. */
export function errorIn(path: string, status: number, message: string): object {
  if (path === '/v1/messages') return { type: 'error', error: { type: TYPES.get(status) ?? 'api_error', message } };
  return { error: path.startsWith('/v1/') ? openaiError(status, message) : message };
}

/** The client has left, so nobody sees it but a log. */
export function canceled(): Refusal {
  return new Refusal(499, { type: JSON_TYPE, body: JSON.stringify({ error: 'request canceled' }) });
}

/** The words of OpenAI's and Anthropic's API for a status. */
const TYPES: ReadonlyMap<number, string> = new Map([[400, 'invalid_request_error'], [404, 'not_found_error']]);

/** What the member `error` holds in OpenAI's API. */
export function openaiError(status: number, message: string): unknown {
  return { message, type: TYPES.get(status) ?? 'api_error', param: null, code: null };
}
