import type { Response } from 'express';
import { EVENT_STREAM_HEADERS, eventComment } from '../core/event-stream.ts';
import { describeOutlook } from '../core/forecast.ts';
import type { Outlook } from '../core/forecast.ts';
import { asksForStream } from '../core/scanned-body.ts';
import type { Exchange } from './exchange.ts';

/** What a stream that waits tells. */
export interface WaitingStreamOptions {
  /** After so long its head is sent, and a comment each time so long has passed again, ms. */
  readonly everyMs: number;
  /** Where the request stands; null: it no longer waits. */
  outlook(): Outlook | null;
}

/** Keeps the connection of a client alive that asked for a stream of events and waits for it. */
export class WaitingStream {
  readonly #res: Response;
  readonly #exchange: Exchange;
  readonly #options: WaitingStreamOptions;
  readonly #timer: NodeJS.Timeout;
  #hasBegun = false;

  constructor(exchange: Exchange, res: Response, options: WaitingStreamOptions) {
    this.#exchange = exchange;
    this.#res = res;
    this.#options = options;
    this.#timer = setInterval(() => this.#tell(), options.everyMs).unref();
    res.once('close', () => this.stop());
  }

  /** Its head is out: from now on errors are events. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The answer is there, or an error instead. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #tell(): void {
    const outlook = this.#options.outlook();
    if (!this.#hasBegun) {
      // One that has its turn by now is answered with its own status.
      if (outlook === null) return;
      this.#begin();
    }
    this.#res.write(eventComment(outlook === null ? 'working' : `waiting, ${describeOutlook(outlook)}`));
  }

  #begin(): void {
    const { id, route } = this.#exchange;
    this.#hasBegun = true;
    this.#res.writeHead(200, { ...EVENT_STREAM_HEADERS, 'X-Request-Id': id, 'X-Consumer': route?.consumer.name ?? '' });
  }
}

/** Whether a client asked for a stream of events; those of Ollama's own API are of lines, in which no comment has a place. */
export function asksForEvents({ scan, tongue, translator }: Exchange): boolean {
  return (tongue === 'openai' || tongue === 'anthropic') && translator === null && scan !== null && asksForStream(scan);
}
