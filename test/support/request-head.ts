import type { ByteSource } from './byte-source.ts';

/** What a peer sent before the body. */
export interface RequestHead {
  readonly method: string;
  /** The request target as sent, with its query. */
  readonly path: string;
  /** Names in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as they came, for tests that look at the wire. */
  readonly raw: string;
}

/** How long the body is. */
export type Framing = { readonly type: 'length'; readonly bytes: number } | { readonly type: 'chunked' };

/** The next request of a connection; null when the peer ended instead. */
export async function readHead(source: ByteSource): Promise<RequestHead | null> {
  const bytes = await source.readThrough('\r\n\r\n');
  if (bytes === null) return null;
  const raw = bytes.toString('latin1');
  const [requestLine = '', ...lines] = raw.trimEnd().split('\r\n');
  const [method = '', path = '', version] = requestLine.split(' ');
  if (version === undefined) throw new Error(`not an HTTP request: ${JSON.stringify(requestLine)}`);
  return { method, path, headers: parseHeaders(lines), raw };
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}

/** Strict on purpose: a body with two lengths is how requests are smuggled, and the broker must never send one. */
export function framingOf(head: RequestHead): Framing {
  const length = head.headers['content-length'];
  const encoding = head.headers['transfer-encoding'];
  if (length !== undefined && encoding !== undefined) throw new Error('both Content-Length and Transfer-Encoding');
  if (encoding === 'chunked') return { type: 'chunked' };
  if (encoding !== undefined) throw new Error(`Transfer-Encoding ${encoding}`);
  if (length !== undefined && !/^[0-9]+$/.test(length)) throw new Error(`Content-Length ${length}`);
  return { type: 'length', bytes: Number(length ?? 0) };
}

/** The body piece by piece. Ends early, with an error, when the peer does. */
export async function* bodyOf(source: ByteSource, framing: Framing): AsyncGenerator<Buffer> {
  if (framing.type === 'length') yield* pieces(source, framing.bytes);
  else yield* chunks(source);
}

async function* chunks(source: ByteSource): AsyncGenerator<Buffer> {
  for (;;) {
    const line = await mustRead(source);
    const size = Number.parseInt(line, 16);
    if (Number.isNaN(size)) throw new Error(`chunk size ${JSON.stringify(line)}`);
    if (size === 0) break;
    yield* pieces(source, size);
    await mustRead(source);
  }
  while ((await mustRead(source)) !== '\r\n');
}

async function* pieces(source: ByteSource, bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; ) {
    const piece = await source.read(left);
    if (piece.length === 0) throw new PeerGone();
    left -= piece.length;
    yield piece;
  }
}

async function mustRead(source: ByteSource): Promise<string> {
  const line = await source.readThrough('\r\n');
  if (line === null) throw new PeerGone();
  return line.toString('latin1');
}

/** The peer left before its body was complete. */
export class PeerGone extends Error {
  constructor() {
    super('the peer left before its request was complete');
    this.name = 'PeerGone';
  }
}
