import type { Socket } from 'node:net';
import { ByteSource } from './byte-source.ts';
import { FakeExchange } from './fake-exchange.ts';
import type { Script } from './fake-exchange.ts';
import { PeerGone, bodyOf, framingOf, readHead } from './request-head.ts';
import type { RequestHead } from './request-head.ts';
import type { RequestEntry, RequestLog } from './request-log.ts';
import { reset } from './reset.ts';

/** What a connection needs from its consumer. */
export interface ConnectionParts {
  readonly log: RequestLog;
  readonly keepAliveMs: number;
  find(head: RequestHead): { readonly script: Script; readonly gpu: boolean };
  report(error: Error): void;
}

/** One accepted connection: request after request until either side ends it. */
export class FakeConnection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #source: ByteSource;
  readonly #closed: Promise<void>;
  #gone = false;
  #idle = true;
  #cut = false;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#source = new ByteSource(socket);
    // At its FIN already: the next request may come before Node has closed this socket.
    this.#closed = new Promise((resolve) => {
      const note = (): void => {
        this.#gone = true;
        resolve();
      };
      socket.once('end', note).once('close', note);
    });
  }

  /** Resolves when the connection is closed; never rejects. */
  async serve(): Promise<void> {
    this.#socket.setNoDelay(true).on('error', () => undefined);
    this.#source.attach();
    try {
      let head = await readHead(this.#source);
      while (head !== null && (await this.#serveOne(head))) head = await this.#nextHead();
    } catch (error) {
      this.#report(error);
    }
    this.#socket.end();
    // A close with unread bytes would become a RST, which can overtake the answer.
    this.#source.discard();
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once('close', resolve));
  }

  closeIfIdle(): void {
    if (this.#idle) this.#socket.end();
  }

  /** Cuts it; resolves when it is closed. */
  async cut(): Promise<void> {
    this.#cut = true;
    if (this.#socket.closed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    reset(this.#socket);
    await closed;
  }

  /** false: no further request on this connection. */
  async #serveOne(head: RequestHead): Promise<boolean> {
    this.#idle = false;
    const { script, gpu } = this.#parts.find(head);
    const entry = this.#parts.log.begin(head, gpu);
    const body = this.#recorded(head, entry);
    const exchange = new FakeExchange({ head, socket: this.#socket, body, closed: this.#closed });
    await this.#play(script, exchange);
    entry.end(this.#gone && !exchange.ended);
    if (exchange.ended || this.#gone || head.headers['connection'] === 'close') return false;
    await exchange.readBody();
    return true;
  }

  async #nextHead(): Promise<RequestHead | null> {
    this.#idle = true;
    const timer = setTimeout(() => this.#socket.end(), this.#parts.keepAliveMs);
    const head = await readHead(this.#source);
    clearTimeout(timer);
    return head;
  }

  async *#recorded(head: RequestHead, entry: RequestEntry): AsyncGenerator<Buffer> {
    for await (const piece of bodyOf(this.#source, framingOf(head))) {
      entry.addBody(piece);
      yield piece;
    }
  }

  async #play(script: Script, exchange: FakeExchange): Promise<void> {
    try {
      await script(exchange);
    } catch (error) {
      this.#report(error);
      if (!exchange.answered) await exchange.send(500, String(error));
    }
    if (!exchange.answered && !exchange.ended && !this.#gone) {
      this.#parts.report(new Error(`the script of ${exchange.head.method} ${exchange.head.path} ended without an answer`));
      await exchange.send(500, 'the script ended without an answer');
    }
  }

  /** A peer that left, or a consumer that was stopped, is no error of the test's. */
  #report(error: unknown): void {
    if (this.#cut || error instanceof PeerGone) return;
    this.#parts.report(error instanceof Error ? error : new Error(String(error)));
  }
}
