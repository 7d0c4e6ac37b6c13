import type { Request, Response } from 'express';
import { changeByHand } from './residency-by-hand.ts';
import type { Action } from './residency-by-hand.ts';
import type { ApiServices } from './services.ts';

/** `POST /v1/consumers/NAME/load` and `/unload`. */
export function changeResidency(action: Action, services: Pick<ApiServices, 'consumer' | 'acquire' | 'leave'>) {
  return async (req: Request, res: Response): Promise<void> => {
    req.resume();
    const name = String(req.params['name']);
    const residency = await changeByHand({ action, consumer: name, res }, services);
    res.json({ consumer: name, residency });
  };
}
