import type { Request, Response } from 'express';
import type { ApiServices } from './services.ts';

/** `GET /metrics`: everything in the text format of Prometheus. */
export function metrics({ scrape }: Pick<ApiServices, 'scrape'>) {
  return async (_req: Request, res: Response): Promise<void> => {
    const { contentType, text } = await scrape();
    res.set('Content-Type', contentType).send(text);
  };
}
