import type { Response } from 'express';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { isOnlyWaiting, sendError } from './error-handler.ts';
import type { Exchange } from './exchange.ts';

/** Ends an exchange that has the card: its client is told, or cut in the middle of its answer, and the consumer's work ends as if the client had left. */
export function cancelWork(exchange: Exchange, res: Response, logger: Logger): void {
  exchange.isCancelled = true;
  exchange.isAbandoned = true;
  // Nothing may follow what is said now.
  exchange.answer?.unpipe(res);
  if (!res.writableEnded) {
    if (res.headersSent && !isOnlyWaiting(exchange)) exchange.cut = 'cancelled';
    const details = exchange.route === null ? {} : { consumer: exchange.route.consumer.name };
    sendError({ error: new BrokerError('cancelled', 'the request was cancelled while it ran', details), req: res.req, res }, logger);
  }
  exchange.abandon?.();
}
