import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

/** A request as a test writes it. An object is sent as JSON, a Buffer or string as it is. */
export interface RequestOptions {
  readonly url: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: unknown;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly bytes: Buffer;
  /** false: the connection was cut before the answer's end. */
  readonly complete: boolean;
}

/** A request under way. */
export interface OpenRequest {
  readonly request: ClientRequest;
  /** The head of the answer; rejects when there will be none. */
  readonly response: Promise<IncomingMessage>;
  /** The whole answer, or what came of it before the cut; rejects when there was no head. */
  readonly ended: Promise<Answer>;
  /** Leaves, as a client does that closes its connection. */
  abort(): void;
}

/** Sends a request on a connection of its own and reads the whole answer. A cut answer is not an error: `complete` is false. */
export async function request(options: RequestOptions): Promise<Answer> {
  return openRequest(options).ended;
}

/** Sends a request on a connection of its own. */
export function openRequest(options: RequestOptions): OpenRequest {
  const { payload, headers } = encode(options);
  const open = begin(options.url, options.method ?? 'GET', headers);
  open.request.end(payload);
  return open;
}

/** Begins a POST whose body the test sends itself, by `request.write` and `request.end`. */
export function openUpload(url: string, headers: OutgoingHttpHeaders = {}): OpenRequest {
  const open = begin(url, 'POST', headers);
  open.request.flushHeaders();
  return open;
}

function begin(url: string, method: string, headers: OutgoingHttpHeaders): OpenRequest {
  const sent = httpRequest(url, { method, headers, agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).on('error', reject);
    // Without an error: left by `abort` before the answer began.
    sent.once('close', () => reject(new Error('closed before an answer')));
  });
  const ended = response.then(readAnswer);
  // A test that looks at one of the two only must not fail for the other.
  response.catch(() => undefined);
  ended.catch(() => undefined);
  return { request: sent, response, ended, abort: () => sent.destroy() };
}

/** Writes `bytes` to a port of 127.0.0.1 and returns all that comes back until the peer closes. */
export async function rawRequest(port: number, bytes: string | Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk)).on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(received);
}

async function readAnswer(message: IncomingMessage): Promise<Answer> {
  const received: Buffer[] = [];
  message.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => undefined);
  await new Promise((resolve) => message.once('close', resolve));
  const bytes = Buffer.concat(received);
  const { statusCode = 0, headers, complete } = message;
  return { status: statusCode, headers, body: bytes.toString(), bytes, complete };
}

function encode({ body, headers = {} }: RequestOptions): { payload?: string | Buffer; headers: OutgoingHttpHeaders } {
  if (body === undefined) return { headers };
  const isJson = typeof body !== 'string' && !Buffer.isBuffer(body);
  const payload = isJson ? JSON.stringify(body) : body;
  const type = isJson ? { 'content-type': 'application/json' } : {};
  return { payload, headers: { ...type, 'content-length': Buffer.byteLength(payload), ...headers } };
}
