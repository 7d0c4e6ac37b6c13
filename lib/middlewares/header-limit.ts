import type { NextFunction, Request, Response } from 'express';
import { MOST_HEADERS } from '../core/headers.ts';
import { BrokerError } from '../errors.ts';

/** Refuses a request with more header lines than any client needs: Node would drop the last of them and say nothing. */
export function headerLimit(req: Request, res: Response, next: NextFunction): void {
  if (req.rawHeaders.length <= MOST_HEADERS * 2) {
    next();
    return;
  }
  res.shouldKeepAlive = false;
  throw new BrokerError('headersTooLarge', `the request has more than ${MOST_HEADERS} headers`);
}
