import type { NextFunction, Request, Response } from 'express';
import { BodyCollector, inMemory, tooLarge } from './body-collector.ts';
import { routedExchange } from './exchange.ts';
import type { Spool } from './spool.ts';

/** What this stage needs. */
export interface TakeBodyServices {
  readonly spool: Spool;
  /** Throws what the gate would refuse with, so that nobody uploads for nothing. */
  refuseIfFull(): void;
}

/** Takes a gated request's body in before the card is asked for. */
export function takeBody({ spool, refuseIfFull }: TakeBodyServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    // One that runs inside a lease takes no place in the queue.
    if (req.headers['x-gpu-lease'] === undefined) refuseIfFull();
    const exchange = routedExchange(res);
    const { limits } = exchange.config;
    const declared = Number(req.headers['content-length'] ?? 0);
    if (declared > limits.body) throw tooLarge(limits.body);
    if (declared === 0 && req.headers['transfer-encoding'] === undefined) {
      exchange.body = inMemory([], 0);
      next();
      return;
    }
    askForBody(req, res);
    const bounds = { ...limits, idleMs: exchange.route.consumer.timeouts.client_idle };
    new BodyCollector(req, bounds, spool).collect().then((body) => {
      exchange.body = body;
      exchange.requestBytes = body.length;
      if (!res.destroyed) next();
      // It left while the end of its body was on its way to the disk.
      else body.discard();
    }, next);
  };
}

/** Tells a client that waits for it to send its body; HTTP/1.0 knows no interim answers. */
export function askForBody(req: Request, res: Response): void {
  if (req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue();
}
