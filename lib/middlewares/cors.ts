import type { NextFunction, Request, Response } from 'express';
import { corsHeaders, isPreflight, preflightHeaders } from '../core/cors.ts';
import { exchangeOf } from './exchange.ts';

/** Lets pages of listed origins read our answers, and answers their preflights. The access check has refused all others. */
export function cors(origins: () => ReadonlySet<string>) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const { origin } = req.headers;
    if (origin === undefined || !origins().has(origin)) {
      next();
      return;
    }
    exchangeOf(res).origin = origin;
    res.setHeaders(new Map(Object.entries(corsHeaders(origin))));
    if (isPreflight(req.method, req.headers)) res.writeHead(204, preflightHeaders(req.headers)).end();
    else next();
  };
}
