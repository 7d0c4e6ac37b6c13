import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { CardMemory } from '../card.ts';
import type { Pause } from './pace.ts';

/** What every demo server is made from. */
export interface DemoServerOptions {
  readonly card: CardMemory;
  /** 2 is twice as fast. Default 1. */
  readonly speed?: number;
  /** How its time passes. Default: as the clock's, `speed` times as fast. */
  readonly pause?: Pause;
  /** Ways of the real server, by name; each server says which it knows. One that is not named behaves as the real one. */
  readonly quirks?: Quirks;
}

/** Quirks by name, switched on or off. */
export type Quirks = Readonly<Record<string, boolean>>;

/** A demo server that does not listen yet. */
export interface DemoServer {
  readonly server: Server;
  /** What the real one does before its port opens, such as loading its model. */
  readonly prepare: () => Promise<void> | void;
}

/** One request with its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export type Handler = (exchange: Exchange) => Promise<void> | void;

/** How a server answers. */
export interface Routing {
  /** By `METHOD /path`; a final `*` matches any rest; GET answers HEAD too. */
  readonly routes: ReadonlyMap<string, Handler>;
  readonly notFound: Handler;
  /** The server's own shape for an error that a handler let through. */
  readonly failed: (exchange: Exchange, error: unknown) => void;
  /** Runs around every handler, such as a guard or a thread pool. */
  readonly around?: (exchange: Exchange, next: () => Promise<void>) => Promise<void>;
}

/** A plain HTTP server with a table of routes. */
export function createRoutedServer(routing: Routing): Server {
  return createServer((request, response) => {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    void serve({ request, response, path, query: new URLSearchParams(query) }, routing);
  });
}

async function serve(exchange: Exchange, { routes, notFound, failed, around }: Routing): Promise<void> {
  const handler = findRoute(routes, exchange) ?? notFound;
  try {
    const next = async (): Promise<void> => handler(exchange);
    await (around === undefined ? next() : around(exchange, next));
  } catch (error) {
    if (exchange.response.headersSent) exchange.response.destroy();
    else if (error instanceof Refusal) send(exchange.response, error.status, error.content);
    else if (!exchange.response.destroyed) failed(exchange, error);
  }
}

function findRoute(routes: ReadonlyMap<string, Handler>, { request, path }: Exchange): Handler | undefined {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const key = `${method} ${path}`;
  const exact = routes.get(key);
  if (exact !== undefined) return exact;
  for (const [route, handler] of routes) if (route.endsWith('*') && key.startsWith(route.slice(0, -1))) return handler;
  return undefined;
}

/** A whole body and what it is. */
export interface Content {
  readonly type: string;
  readonly body: string | Buffer;
}

/** Thrown by a handler that will not do what it was asked. */
export class Refusal extends Error {
  readonly status: number;
  readonly content: Content | undefined;

  constructor(status: number, content?: Content) {
    super(`refused with ${status}`);
    this.status = status;
    this.content = content;
  }
}

export function asJson(body: unknown): Content {
  return { type: 'application/json', body: JSON.stringify(body) };
}

/** Sends a whole JSON answer. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, asJson(body));
}

/** Sends a whole answer; without content an empty one. */
export function send(response: ServerResponse, status: number, content?: Content): void {
  const { type, body = '' } = content ?? {};
  if (type !== undefined) response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.writeHead(status).end(body);
}

/** A body over the limit of its server. */
export class BodyTooLarge extends Error {}

/**
 * Reads the whole body.
 * @throws BodyTooLarge beyond `limit` bytes.
 */
export async function readBody(request: IncomingMessage, limit = 100 * 1024 * 1024): Promise<Buffer> {
  const incoming: AsyncIterable<Buffer> = request;
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of incoming) {
    length += piece.length;
    if (length > limit) throw new BodyTooLarge(`the body has more than ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The JSON object in `bytes`; null when there is none. */
export function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Aborts when the client leaves before it has the whole answer. */
export function clientGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const leave = (): void => {
    if (!response.writableFinished) controller.abort(new Error('the client has left'));
  };
  if (response.destroyed) leave();
  else response.once('close', leave);
  return controller.signal;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
