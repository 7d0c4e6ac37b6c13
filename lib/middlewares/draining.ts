import type { NextFunction, Request, Response } from 'express';
import { BrokerError } from '../errors.ts';

/** Refuses ungated work while the daemon shuts down; gated work is refused by the gate itself. */
export function refuseWhileDraining({ isDraining }: { isDraining(): boolean }) {
  return (_req: Request, _res: Response, next: NextFunction): void => {
    if (isDraining()) throw new BrokerError('shuttingDown', 'the broker is shutting down', { retryAfterS: 5 });
    next();
  };
}
