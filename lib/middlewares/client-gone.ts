import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import type { ConsumerConfig } from '../config/types.ts';
import { routedExchange } from './exchange.ts';
import { ListenerMark } from './listener-mark.ts';
import type { Watchdog } from './watchdog.ts';

/** A request to a consumer, and what is needed when its client leaves. */
export interface Outgoing {
  readonly proxyReq: ClientRequest;
  readonly res: Response;
  readonly watchdog: Watchdog;
  /** Has a consumer end work that has no id. */
  cancel(consumer: ConsumerConfig): void;
}

/** What listened for the end of each client before http-proxy-middleware did. */
const marks = new WeakMap<Response, readonly ListenerMark[]>();

/** Notes who listens, before a request is handed to http-proxy-middleware, which ties it to its client. */
export function markListeners(req: Request, res: Response): void {
  if (outlivesClient(res)) marks.set(res, [new ListenerMark(res, 'close'), new ListenerMark(req, 'error')]);
}

/** Sees to it that the work at the consumer ends with its client, or is awaited where that is not possible. */
export function onClientGone(outgoing: Outgoing): void {
  const { proxyReq, res, watchdog } = outgoing;
  const exchange = routedExchange(res);
  for (const mark of marks.get(res) ?? []) mark.dropLater();
  // Not written as one: V8 makes a function that is assigned to a property old at once, and all it reaches stays until the next full collection.
  const giveUp = (): void => abandon(outgoing);
  exchange.abandon = giveUp;
  // Between the grant and its socket.
  if (exchange.isCancelled) giveUp();
  res.once('close', () => {
    // It has been abandoned then; only the client's clock may be left.
    if (exchange.isCancelled) {
      watchdog.clientLeft(false);
      return;
    }
    // A retry has a listener of its own.
    if (exchange.upstream !== proxyReq) return;
    exchange.isAbandoned = !res.writableFinished && (exchange.cut === null || exchange.cut === 'client idle');
    if (!exchange.isAbandoned || !outlivesClient(res)) {
      watchdog.stop();
      return;
    }
    abandon(outgoing);
  });
}

/** Nobody wants the answer any more: the work ends with the request, or by a call, or is awaited. */
function abandon({ proxyReq, res, watchdog, cancel }: Outgoing): void {
  const exchange = routedExchange(res);
  const { consumer } = exchange.route;
  watchdog.clientLeft(exchange.answer !== null);
  if (consumer.client_gone === 'close' || endsWithClient(proxyReq, res, exchange.answer)) proxyReq.destroy();
  // After the pipe to the client, which pauses it.
  else setImmediate(() => exchange.answer?.resume());
  if (consumer.completion === undefined && consumer.cancel.length > 0) cancel(consumer);
}

/** Takes out what http-proxy-middleware adds in this turn, and what would cut the answer together with its client. */
export function untieAnswer(res: Response): void {
  if (!outlivesClient(res)) return;
  const mark = new ListenerMark(res, 'close');
  process.nextTick(() => mark.dropLater());
}

/** Nobody is there any more to take the answer; its end still tells when the consumer is done. */
export function awaitUnread(answer: IncomingMessage, res: Response): void {
  const { upstream } = routedExchange(res);
  if (upstream !== null && endsWithClient(upstream, res, answer)) upstream.destroy();
  else answer.resume();
}

/** Whether its work at the consumer goes on without its client. What needs no card does not: nobody has to wait for its end. */
export function outlivesClient(res: Response): boolean {
  const { lease, route } = routedExchange(res);
  return lease !== null && route.consumer.client_gone !== 'close';
}

/** Before the consumer has the whole request it has not begun to work. */
function endsWithClient(proxyReq: ClientRequest, res: Response, answer: IncomingMessage | null): boolean {
  const { route, body } = routedExchange(res);
  if (!proxyReq.writableFinished) return true;
  if (route.consumer.client_gone !== 'close_stream') return false;
  return answer === null ? ASKS_FOR_STREAM.test(body?.peek() ?? '') : streams(answer);
}

/** As OpenAI's and Ollama's clients ask; in a text within the JSON the quotes would be escaped. */
const ASKS_FOR_STREAM = /"stream"\s*:\s*true\b/;

/** Events, lines or sound as they are made; anything else is sent when it is done. */
function streams({ headers }: IncomingMessage): boolean {
  const type = headers['content-type'] ?? '';
  if (/^(text\/event-stream|application\/x-ndjson)\b/i.test(type)) return true;
  return /^audio\//i.test(type) && headers['content-length'] === undefined;
}
