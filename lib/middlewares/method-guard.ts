import type { NextFunction, Request, Response } from 'express';
import { BrokerError } from '../errors.ts';

/** Refuses every method that a path does not serve, with `Allow`. */
export function onlyMethods(...allow: readonly string[]) {
  return (req: Request, _res: Response, next: NextFunction): void => {
    if (!allow.includes(req.method)) {
      throw new BrokerError('methodNotAllowed', `${req.method} is not served here, only ${allow.join(', ')}`, { allow });
    }
    next();
  };
}
