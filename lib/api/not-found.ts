import type { Request, Response } from 'express';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from '../middlewares/exchange.ts';

/** Whatever no route has taken. */
export function notFound(_req: Request, res: Response): void {
  throw new BrokerError('notFound', `there is nothing at ${exchangeOf(res).path.slice(0, 200)}; GET / names the endpoints`);
}
