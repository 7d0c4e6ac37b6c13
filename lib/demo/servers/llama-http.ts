import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Refusal, createRoutedServer, messageOf, parseObject, readBody, send } from './http.ts';
import type { Content, Exchange, Handler } from './http.ts';

/** cpp-httplib's: an idle connection is closed after so long, and any after so many requests. */
const KEEP_ALIVE_MS = 5000;
const REQUESTS_PER_CONNECTION = 100;

const JSON_TYPE = 'application/json; charset=utf-8';
const LOCAL_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** By error type, as the server words them. */
const STATUS_OF = {
  invalid_request_error: 400,
  exceed_context_size_error: 400,
  not_found_error: 404,
  server_error: 500,
  not_supported_error: 501,
  unavailable_error: 503,
} as const;

/** How an HTTP server of llama.cpp behaves. */
export interface LlamaHttpQuirks {
  readonly error_closes: boolean;
  readonly empty_cors: boolean;
  readonly short_keep_alive: boolean;
}

/** What makes one. */
export interface LlamaHttp {
  readonly routes: ReadonlyMap<string, Handler>;
  readonly quirks: LlamaHttpQuirks;
  /** While true, every path answers 503. */
  readonly isLoading: () => boolean;
}

/** An HTTP server with the manners of llama.cpp and the cpp-httplib in it. */
export function createLlamaHttp({ routes, quirks, isLoading }: LlamaHttp): Server {
  const server = createRoutedServer({
    routes,
    notFound: () => {
      throw notFound();
    },
    failed: ({ response }, error) => refuse(response, quirks, llamaError('server_error', messageOf(error))),
    around: async (exchange, next) => {
      setHeaders(exchange, quirks);
      if (exchange.request.method === 'OPTIONS') return preflight(exchange.response);
      try {
        if (isLoading()) throw loading();
        await next();
      } catch (error) {
        if (!(error instanceof Refusal) || exchange.response.headersSent) throw error;
        refuse(exchange.response, quirks, error);
      }
    },
  });
  server.keepAliveTimeout = quirks.short_keep_alive ? KEEP_ALIVE_MS : 0;
  server.keepAliveTimeoutBuffer = 0; // it does close when it said it would
  if (quirks.short_keep_alive) server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  return server;
}

/** An error in the server's shape. `more`: further members. */
export function llamaError(type: keyof typeof STATUS_OF, message: string, more: object = {}): Refusal {
  const code = STATUS_OF[type];
  return new Refusal(code, llamaJson({ error: { code, message, type, ...more } }));
}

export function notFound(): Refusal {
  return llamaError('not_found_error', 'File Not Found');
}

export function loading(): Refusal {
  return llamaError('unavailable_error', 'Loading model');
}

export function llamaJson(body: unknown): Content {
  return { type: JSON_TYPE, body: JSON.stringify(body) };
}

export function sendLlama(response: ServerResponse, body: unknown): void {
  send(response, 200, llamaJson(body));
}

/**
 * The JSON object in the body.
 * @throws Refusal when there is none; with `asServerError` 500, as nlohmann's parser throws what nobody expects.
 */
export async function jsonBody(request: IncomingMessage, asServerError: boolean): Promise<Record<string, unknown>> {
  const body = parseObject(await readBody(request, Number.POSITIVE_INFINITY));
  if (body !== null) return body;
  const message = '[json.exception.parse_error.101] parse error at line 1, column 1: syntax error while parsing value - invalid literal';
  throw llamaError(asServerError ? 'server_error' : 'invalid_request_error', message);
}

function refuse(response: ServerResponse, quirks: LlamaHttpQuirks, { status, content }: Refusal): void {
  if (quirks.error_closes) response.setHeader('Connection', 'close');
  send(response, status, content);
}

function setHeaders({ request, response }: Exchange, quirks: LlamaHttpQuirks): void {
  const { origin } = request.headers;
  response.setHeader('Server', 'llama.cpp');
  if (origin !== undefined && LOCAL_ORIGIN.test(origin)) response.setHeader('Access-Control-Allow-Origin', origin);
  else if (quirks.empty_cors) response.setHeader('Access-Control-Allow-Origin', '');
}

function preflight(response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
  response.setHeader('Access-Control-Allow-Headers', '*');
  send(response, 200, { type: 'text/html; charset=utf-8', body: '' });
}
