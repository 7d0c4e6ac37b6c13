import type { NextFunction, Request, Response } from 'express';
import { consumerDown } from '../core/admissible.ts';
import { BrokerError } from '../errors.ts';
import { routedExchange } from './exchange.ts';

/** Refuses at once while the consumer's last probe failed: a client should hear that now, not after its turn. */
export function healthGate() {
  return (_req: Request, res: Response, next: NextFunction): void => {
    const { consumer, config } = routedExchange(res);
    const down = consumerDown({ consumer, probeIntervalMs: config.health.interval });
    if (down !== null) throw new BrokerError('consumerDown', down.message, { consumer: consumer.name, retryAfterS: down.retryAfterS });
    next();
  };
}
