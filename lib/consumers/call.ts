import http from 'node:http';
import https from 'node:https';
import type { ConsumerConfig } from '../config/types.ts';

/** A small request of the broker's own to a consumer. `timeoutMs` bounds all of it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; undefined sends no body. */
  readonly body?: unknown;
  readonly timeoutMs: number;
  /** More of the answer's body is not read. Default `SMALL_BODY`. */
  readonly maxBytes?: number;
}

/** What came back; the body may be cut. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The call did not end in time. */
export class CallTimeout extends Error {}

/** Nobody listens there. */
export class CallRefused extends Error {}

/** This process has no file descriptor left for it. */
export class CallUnmade extends Error {}

/** Health answers and hook answers are small. */
const SMALL_BODY = 64 * 1024;
/** For answers that hold whole workflows or lists of models. */
export const LARGE_BODY = 32 * 1024 * 1024;

/**
 * Calls a consumer on a socket of its own: a pooled one that the server has just closed would look like a dead server.
 * @throws CallTimeout, CallRefused, CallUnmade, or an Error with a text for people that names no address.
 */
export function callConsumer(consumer: ConsumerConfig, call: Call): Promise<Answer> {
  const url = new URL(consumer.url + call.path);
  const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method: call.method,
    agent: false,
    headers: { ...bodyHeaders(call.method, body), ...consumer.headers, ...call.headers },
  });
  const timer = setTimeout(() => request.destroy(new CallTimeout(`no answer within ${call.timeoutMs} ms`)), call.timeoutMs);
  request.once('response', (response) => {
    readAnswer(response, call.maxBytes ?? SMALL_BODY).then(resolve, reject);
  });
  request.once('error', (error) => reject(named(error)));
  request.once('close', () => clearTimeout(timer));
  request.end(body ?? undefined);
  return promise;
}

/** Servers that read a length (whisper.cpp) hang on a POST without one. */
function bodyHeaders(method: string, body: Buffer | null): Record<string, string> {
  if (body !== null) return { 'content-type': 'application/json', 'content-length': String(body.length) };
  return method === 'GET' || method === 'HEAD' ? {} : { 'content-length': '0' };
}

async function readAnswer(response: http.IncomingMessage, maxBytes: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  const body = Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
  return { status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', body };
}

/** Turns Node's error codes into words: addresses belong into no message. */
function named(error: NodeJS.ErrnoException): Error {
  if (error instanceof CallTimeout) return error;
  if (error.code === 'ECONNREFUSED') return new CallRefused('connection refused (ECONNREFUSED)');
  if (error.code === 'EMFILE' || error.code === 'ENFILE') return new CallUnmade(`the broker has no file descriptor left (${error.code})`);
  if (error.code === 'ECONNRESET') return new Error('connection broken off (ECONNRESET)');
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return new Error(`host name not found (${error.code})`);
  if (error.code?.startsWith('HPE_') === true) return new Error(`not an HTTP answer (${error.code})`);
  return new Error(error.code ?? 'failed');
}
