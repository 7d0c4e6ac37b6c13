import type { Request, Response } from 'express';
import { clientOf } from '../middlewares/client-name.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import type { ApiServices } from './services.ts';

/** `GET /v1/queue`: who has the card, who waits for it, and about how long. */
export function showQueue({ queue }: Pick<ApiServices, 'queue'>) {
  let shown: { readonly report: unknown; readonly text: string } | null = null;
  return (_req: Request, res: Response): void => {
    const report = queue.report();
    // Many look at the same report: it is written out once.
    if (shown?.report !== report) shown = { report, text: JSON.stringify(report) };
    res.type('json').send(shown.text);
  };
}

/** `DELETE /v1/queue/ID`: one that waits leaves the queue, the work of one that runs is ended. */
export function cancelQueued({ queue }: Pick<ApiServices, 'queue'>) {
  return (req: Request, res: Response): void => {
    req.resume();
    const exchange = exchangeOf(res);
    const id = String(req.params['id']);
    const was = queue.cancel(id, { client: clientOf(req, exchange), isOwnOnly: exchange.isOwnOnly });
    res.json({ id, was });
  };
}
