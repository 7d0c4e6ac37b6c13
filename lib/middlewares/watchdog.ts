import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { Timeouts } from '../config/types.ts';

/** Why an exchange is cut. */
export type Cut = 'connect timeout' | 'first byte timeout' | 'consumer idle' | 'client idle';

/**
 * The clocks of one exchange. Each side has its own, so that a slow client is never blamed on the consumer: the consumer's
 * first-byte time starts when it has the whole request, and its idle time stands still while the client takes nothing.
 */
export class Watchdog {
  readonly #timeouts: Readonly<Timeouts>;
  readonly #cut: (reason: Cut) => void;
  #timer: NodeJS.Timeout | undefined;
  #reason: Cut | null = null;
  #clientTimer: NodeJS.Timeout | undefined;
  #uploadTimer: NodeJS.Timeout | undefined;
  #isSending = true;
  #isConsumerDone = false;

  constructor(timeouts: Readonly<Timeouts>, cut: (reason: Cut) => void) {
    this.#timeouts = timeouts;
    this.#cut = cut;
  }

  /** Watches the request go out. `onConnected` is called once the consumer has accepted the connection. */
  sending(proxyReq: ClientRequest, onConnected: () => void): void {
    const sent = (): void => {
      // An answer may begin before the request is whole.
      if (this.#isSending) this.#restart('first byte timeout', this.#timeouts.first_byte);
    };
    const connected = (): void => {
      onConnected();
      // Bounds a consumer that accepts and then takes no bytes; it begins anew when the request has been sent.
      sent();
      if (!proxyReq.writableFinished) proxyReq.once('finish', sent);
    };
    if (proxyReq.socket?.connecting !== true) {
      connected();
      return;
    }
    this.#restart('connect timeout', this.#timeouts.connect);
    proxyReq.socket.once('connect', connected);
  }

  /** Watches a body that streams from the client. Each piece is progress; none for too long is the client's fault, unless the consumer takes none. */
  uploading(req: IncomingMessage, proxyReq: ClientRequest): void {
    if (req.complete) return;
    const timer = setTimeout(() => {
      if (proxyReq.writableNeedDrain) timer.refresh();
      else this.#cut('client idle');
    }, this.#timeouts.client_idle);
    this.#uploadTimer = timer;
    const progress = (): void => {
      if (!this.#isSending) return;
      timer.refresh();
      this.#timer?.refresh();
    };
    req.on('data', progress);
    // The consumer has taken what held the client up, who has all of its time from now on.
    proxyReq.on('drain', progress);
    req.once('end', () => clearTimeout(timer));
  }

  /** Watches the answer come in and go out. */
  answering(answer: IncomingMessage, res: Response): void {
    this.#sent();
    this.#restart('consumer idle', this.#timeouts.idle);
    answer.on('data', () => this.#timer?.refresh());
    // The pipe to the client pauses it while the client has not taken what it was sent, and once more at its end.
    answer.on('pause', () => {
      if (!answer.readableEnded) this.#watchClient(res);
    });
  }

  /** The consumer is done; what is left is the client, which may still have to take the end of the answer. */
  consumerEnded(res: Response): void {
    this.#sent();
    this.#clear();
    this.#isConsumerDone = true;
    if (res.writableLength > 0 && res.headersSent) this.#watchClient(res);
  }

  /** The client has left, and the consumer's work goes on: only that is watched from now on. */
  clientLeft(hasAnswer: boolean): void {
    clearTimeout(this.#clientTimer);
    if (hasAnswer) this.#restart('consumer idle', this.#timeouts.idle);
  }

  /** Both sides are done. */
  stop(): void {
    this.#sent();
    this.#isConsumerDone = true;
    this.#clear();
    clearTimeout(this.#clientTimer);
  }

  /** What the client still sends no longer matters. */
  #sent(): void {
    this.#isSending = false;
    clearTimeout(this.#uploadTimer);
  }

  /** A timer that was cleared must not be refreshed: that would start it again. */
  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #restart(reason: Cut, ms: number): void {
    if (this.#isConsumerDone) return;
    if (this.#timer !== undefined && this.#reason === reason) {
      this.#timer.refresh();
      return;
    }
    this.#clear();
    this.#reason = reason;
    this.#timer = setTimeout(() => this.#cut(reason), ms);
  }

  /** The client has to take what it was sent before more is read from the consumer. */
  #watchClient(res: Response): void {
    if (this.#clientTimer !== undefined || res.destroyed) return;
    this.#clear();
    let untaken = res.writableLength;
    const timer = setTimeout(() => {
      if (res.writableLength >= untaken) {
        this.#cut('client idle');
        return;
      }
      untaken = res.writableLength;
      timer.refresh();
    }, this.#timeouts.client_idle);
    this.#clientTimer = timer;
    res.once('drain', () => {
      clearTimeout(timer);
      this.#clientTimer = undefined;
      this.#restart('consumer idle', this.#timeouts.idle);
    });
  }
}
