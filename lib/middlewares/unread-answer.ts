import type { NextFunction, Request, Response } from 'express';
import { cutOff } from './cut-off.ts';
import { exchangeOf } from './exchange.ts';

/** Cuts a client that takes nothing of a whole answer of ours for `timeouts.client_idle`: a page of the history has megabytes, which would stay in memory as long as it likes. */
export function cutUnread(_req: Request, res: Response, next: NextFunction): void {
  // All has been handed to the connection then, and the kernel takes most answers at once.
  res.once('prefinish', () => {
    if (res.writableLength > 0) watchUnread(res, exchangeOf(res).config.timeouts.client_idle);
  });
  next();
}

/** Cuts a client that takes nothing for `idleMs` of an answer that has been written to its end. */
export function watchUnread(res: Response, idleMs: number): void {
  // Node looks at what the kernel has taken: of a large piece the length that is left says nothing until all of it is gone.
  res.setTimeout(idleMs, () => {
    exchangeOf(res).cut = 'client idle';
    cutOff(res);
  });
}
