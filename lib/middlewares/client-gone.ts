import type { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { ConsumerConfig } from '../config/types.ts';

/** Whether an exchange is to be cut when its client leaves. Before the consumer has the whole request it has not begun to work. */
export function endsWithClient(policy: ConsumerConfig['client_gone'], proxyReq: ClientRequest, answer: IncomingMessage | null): boolean {
  if (policy === 'close' || !proxyReq.writableFinished) return true;
  return policy === 'close_stream' && answer !== null && streams(answer);
}

/** Events, lines or sound as they are made; anything else is sent when it is done. */
function streams({ headers }: IncomingMessage): boolean {
  const type = headers['content-type'] ?? '';
  if (/^(text\/event-stream|application\/x-ndjson)\b/i.test(type)) return true;
  return /^audio\//i.test(type) && headers['content-length'] === undefined;
}

/** The listeners of an event at one moment, so that those which a library adds later can be taken out again. */
export class ListenerMark {
  readonly #emitter: EventEmitter;
  readonly #event: string;
  readonly #kept: ReadonlySet<unknown>;

  constructor(emitter: EventEmitter, event: string) {
    this.#emitter = emitter;
    this.#event = event;
    this.#kept = new Set(emitter.listeners(event));
  }

  /** Takes out the listeners that were added since. */
  dropLater(): void {
    const later = this.#emitter.listeners(this.#event).filter((listener) => !this.#kept.has(listener));
    for (const listener of later.filter(isListener)) this.#emitter.off(this.#event, listener);
  }
}

/** Node's types know of its listeners only that they are functions. */
function isListener(value: unknown): value is (...args: unknown[]) => void {
  return typeof value === 'function';
}
