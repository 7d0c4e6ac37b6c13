import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { ByteSource } from './byte-source.ts';
import { reset } from './reset.ts';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly statusLine: string;
  /** `Name: value` as sent, in order. */
  readonly lines: readonly string[];
  /** By name in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A client whose every byte the test writes. */
export class RawClient {
  readonly socket: Socket;
  /** Resolves when the connection is closed in both directions, or cut. */
  readonly closed: Promise<void>;
  readonly #source: ByteSource;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#source = new ByteSource(socket);
    this.#source.attach();
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Connects to a port of 127.0.0.1, from there unless `options` say otherwise. */
  static async open(port: number, options: Partial<TcpNetConnectOpts> = {}): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', ...options, port });
    await once(socket, 'connect');
    socket.setNoDelay(true).on('error', () => undefined);
    return new RawClient(socket);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next answer of a final status, with its body; null when the connection ends instead. `head`: it answers a HEAD. */
  async answer({ head = false }: { readonly head?: boolean } = {}): Promise<RawAnswer | null> {
    const begun = await this.head();
    if (begun === null) return null;
    if (begun.status < 200) return this.answer({ head });
    const isBare = head || begun.status === 204 || begun.status === 304;
    return { ...begun, body: isBare ? '' : (await this.#body(begun.headers)).toString('latin1') };
  }

  /** The next head alone, 1xx included; null when the connection ends instead. */
  async head(): Promise<RawAnswer | null> {
    const bytes = await this.#source.readThrough('\r\n\r\n');
    if (bytes === null) return null;
    const [statusLine = '', ...lines] = bytes.toString('latin1').trimEnd().split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const at = line.indexOf(':');
      const name = line.slice(0, at).toLowerCase();
      const value = line.slice(at + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    return { status: Number(statusLine.split(' ')[1]), statusLine, lines, headers, body: '' };
  }

  /** At least one and at most `max` bytes of what comes next; empty when the connection has ended. */
  async read(max: number): Promise<Buffer> {
    return this.#source.read(max);
  }

  /** All that still comes until the connection ends. */
  async rest(): Promise<string> {
    const pieces: Buffer[] = [];
    for (;;) {
      const piece = await this.#source.read(1 << 20);
      if (piece.length === 0) return Buffer.concat(pieces).toString('latin1');
      pieces.push(piece);
    }
  }

  /** Leaves, as a client does that is killed. */
  reset(): void {
    reset(this.socket);
  }

  async #body(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    if (headers['transfer-encoding'] === 'chunked') return this.#chunks();
    const length = headers['content-length'];
    return length === undefined ? Buffer.from(await this.rest(), 'latin1') : this.#exactly(Number(length));
  }

  async #chunks(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      const line = await this.#source.readThrough('\r\n');
      if (line === null) throw new Error('cut in the middle of a chunked body');
      const size = Number.parseInt(line.toString('latin1'), 16);
      pieces.push(await this.#exactly(size));
      await this.#source.readThrough('\r\n');
      if (size === 0) return Buffer.concat(pieces);
    }
  }

  async #exactly(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const piece = await this.#source.read(left);
      if (piece.length === 0) throw new Error(`cut ${left} bytes before the end of a body`);
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }
}

/** Sends one request on a connection of its own and returns the answer; null when the connection ended without one. */
export async function exchangeRaw(port: number, bytes: string | Buffer): Promise<RawAnswer | null> {
  const client = await RawClient.open(port);
  client.send(bytes);
  const answer = await client.answer();
  client.socket.destroy();
  return answer;
}
