import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestHead } from './request-head.ts';
import { reset } from './reset.ts';

/** What a script does with one request. */
export type Script = (exchange: FakeExchange) => Promise<void> | void;

type Bytes = string | Buffer;

/** What an exchange needs from its connection. */
export interface ExchangeParts {
  readonly head: RequestHead;
  readonly socket: Socket;
  readonly body: AsyncGenerator<Buffer>;
  /** Resolves when the peer has closed. */
  readonly closed: Promise<void>;
}

/** One request with everything a scripted answer may want to do to the wire. */
export class FakeExchange {
  readonly head: RequestHead;
  /** Resolves when the peer has closed. */
  readonly closed: Promise<void>;
  /** The script has ended the connection itself. */
  ended = false;
  /** At least one byte of an answer was written. */
  answered = false;
  readonly #socket: Socket;
  readonly #body: AsyncGenerator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(parts: ExchangeParts) {
    this.head = parts.head;
    this.closed = parts.closed;
    this.#socket = parts.socket;
    this.#body = parts.body;
  }

  /** The next `length` bytes of the body (fewer at its end); without `length` all that is left. */
  async readBody(length = Number.POSITIVE_INFINITY): Promise<Buffer> {
    if (this.head.headers['expect'] === '100-continue' && !this.answered) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    const pieces = [this.#rest];
    for (let have = this.#rest.length; have < length; ) {
      const next = await this.#body.next();
      if (next.done === true) break;
      pieces.push(next.value);
      have += next.value.length;
    }
    const all = Buffer.concat(pieces);
    this.#rest = all.subarray(Math.min(length, all.length));
    return all.subarray(0, Math.min(length, all.length));
  }

  /** Raw bytes onto the wire. Resolves when they are handed over or the peer is gone; never rejects. */
  async write(bytes: Bytes): Promise<void> {
    if (!this.#socket.writable) return;
    this.answered = true;
    await new Promise<void>((resolve) => {
      void this.closed.then(resolve);
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** A whole JSON answer with its length. */
  async json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.send(status, JSON.stringify(body), { 'Content-Type': 'application/json', ...headers });
  }

  /** A whole answer with its length. */
  async send(status: number, body: Bytes, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const bytes = Buffer.from(body);
    const head = headText(status, { ...headers, 'Content-Length': String(bytes.length) });
    await this.write(this.head.method === 'HEAD' ? head : Buffer.concat([Buffer.from(head), bytes]));
  }

  /** The head of a chunked answer; `chunk` and `endChunks` follow. */
  async beginChunks(status = 200, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.write(headText(status, { ...headers, 'Transfer-Encoding': 'chunked' }));
  }

  async chunk(bytes: Bytes): Promise<void> {
    const data = Buffer.from(bytes);
    await this.write(Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')]));
  }

  async endChunks(): Promise<void> {
    await this.write('0\r\n\r\n');
  }

  /** Writes piece by piece; `pause` is ms, or a fact to wait for. Stops when the peer leaves. */
  async drip(pieces: Iterable<Bytes>, pause: number | (() => Promise<unknown>)): Promise<void> {
    for (const piece of pieces) {
      if (!this.#socket.writable) return;
      await this.write(piece);
      await this.delay(typeof pause === 'number' ? sleep(pause, undefined, { ref: false }) : pause());
    }
  }

  /** Waits for `until` or for the peer to leave, as a consumer that notices a disconnect. */
  async delay(until: Promise<unknown>): Promise<void> {
    await Promise.race([until, this.closed]);
  }

  /** Does not answer; resolves when the peer has given up. */
  async never(): Promise<void> {
    await this.closed;
  }

  /** Ends the connection properly (FIN). */
  fin(): void {
    this.ended = true;
    this.#socket.end();
  }

  /** Cuts the connection (RST). */
  rst(): void {
    this.ended = true;
    reset(this.#socket);
  }
}

function headText(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Status'}\r\n${lines.join('')}\r\n`;
}
