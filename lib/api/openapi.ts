import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request, Response } from 'express';
import { packageFolder } from '../version.ts';

/** `GET /openapi.json`: what is served here, as OpenAPI describes it. The file is read at the start, so that it is that of the version that runs. */
export function openapi() {
  const reading = readFile(join(packageFolder(), 'schemas/openapi.json'));
  // Whoever asks for it is told.
  reading.catch(() => undefined);
  return async (_req: Request, res: Response): Promise<void> => {
    res.type('json').send(await reading);
  };
}
