import type { NextFunction, Request, Response } from 'express';
import { BrokerError } from '../errors.ts';
import { BodyCollector, inMemory, tooLarge } from './body-collector.ts';
import { scannerFor } from './body-scan.ts';
import type { BodyScanner } from './body-scan.ts';
import { clientOf } from './client-name.ts';
import { exchangeOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { Spool } from './spool.ts';

/** What this stage needs. */
export interface TakeBodyServices {
  readonly spool: Spool;
  /** Throws what the gate would refuse a client with, so that nobody uploads for nothing. */
  refuseIfFull(client: string): void;
}

/** Takes a gated request's body in before the card is asked for, and reads it along where others have to know what it says. */
export function takeBody({ spool, refuseIfFull }: TakeBodyServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    // One that runs inside a lease takes no place in the queue.
    if (req.headers['x-gpu-lease'] === undefined) refuseIfFull(clientOf(req, exchange));
    const { limits, timeouts } = exchange.config;
    const declared = Number(req.headers['content-length'] ?? 0);
    if (declared > limits.body) throw tooLarge(limits.body);
    if (declared === 0 && req.headers['transfer-encoding'] === undefined) {
      exchange.body = inMemory([], 0);
      next();
      return;
    }
    const scanner = scannerOf(req, exchange);
    askForBody(req, res);
    const { client_idle: idleMs, client_total: totalMs } = exchange.route?.consumer.timeouts ?? timeouts;
    new BodyCollector(req, { ...limits, idleMs, totalMs, ...(scanner === null ? {} : { scanner }) }, spool).collect().then((body) => {
      exchange.body = body;
      exchange.scan = scanner?.end() ?? null;
      exchange.requestBytes = body.length;
      if (!res.destroyed) next();
      // It left while the end of its body was on its way to the disk.
      else body.discard();
    }, next);
  };
}

/** In these APIs the model says who answers, and `stream` how one waits. A body that cannot be read is at fault only where its model is needed. */
function scannerOf(req: Request, { tongue, route }: Exchange): BodyScanner | null {
  if (tongue !== 'openai' && tongue !== 'anthropic') return null;
  const scanner = scannerFor(req);
  if (typeof scanner !== 'string') return scanner;
  if (route === null) throw new BrokerError('badRequest', scanner);
  return null;
}

/** Tells a client that waits for it to send its body; HTTP/1.0 knows no interim answers. */
export function askForBody(req: Request, res: Response): void {
  if (req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue();
}
