import type { NextFunction, Request, Response } from 'express';
import { BrokerError } from '../errors.ts';
import { routedExchange } from './exchange.ts';

/** Bounds requests that need no lease, so that a consumer that hangs cannot use up its sockets and memory. */
export function concurrencyLimit(limit: number) {
  const active = new Map<string, number>();
  return (_req: Request, res: Response, next: NextFunction): void => {
    const { name } = routedExchange(res).consumer;
    const count = active.get(name) ?? 0;
    if (count >= limit) {
      throw new BrokerError('queueFull', `${limit} requests to ${name} are under way already`, { consumer: name, retryAfterS: 1 });
    }
    active.set(name, count + 1);
    res.once('close', () => {
      const left = (active.get(name) ?? 1) - 1;
      if (left === 0) active.delete(name);
      else active.set(name, left);
    });
    next();
  };
}
