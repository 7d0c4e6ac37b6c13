import type { Request, Response } from 'express';
import document from '../../schemas/openapi.json' with { type: 'json' };

/** Written out once: it is the same for all who ask. */
const BODY = JSON.stringify(document);

/** `GET /openapi.json`: what is served here, as OpenAPI describes it. */
export function openapi(_req: Request, res: Response): void {
  res.type('json').send(BODY);
}
