import type { Request, Response } from 'express';
import { parseHistoryQuery } from '../core/history-query.ts';
import { BrokerError } from '../errors.ts';
import type { ApiServices } from './services.ts';

const TYPES = { json: 'application/json; charset=utf-8', csv: 'text/csv; charset=utf-8; header=present' } as const;

/** `GET /v1/history`: what happened, a page of it, the newest first. */
export function history({ history: kept }: Pick<ApiServices, 'history'>) {
  return async (req: Request, res: Response): Promise<void> => {
    const format = formatAsked(req);
    const parsed = parseHistoryQuery(req.query, Date.now());
    if (!parsed.ok) throw new BrokerError('badRequest', parsed.fault);
    const { body, next } = await kept.read(parsed.query, format);
    res.set({ 'Content-Type': TYPES[format], Vary: 'Accept' });
    if (format === 'csv') res.set('Content-Disposition', `attachment; filename="${parsed.query.what}.csv"`);
    if (next !== null) res.set('Link', `<${nextTarget(req, next)}>; rel="next"`);
    res.send(Buffer.from(body.buffer));
  };
}

function formatAsked(req: Request): 'json' | 'csv' {
  const { format } = req.query;
  if (format === undefined) return req.accepts(['json', 'csv']) === 'csv' ? 'csv' : 'json';
  if (format === 'json' || format === 'csv') return format;
  throw new BrokerError('badRequest', `format: expected json or csv, got ${JSON.stringify(format)}`);
}

/** The same with another page. */
function nextTarget({ originalUrl }: Request, next: number): string {
  const [path = '', query = ''] = originalUrl.split('?', 2);
  const params = new URLSearchParams(query);
  params.set('before', String(next));
  return `${path}?${params}`;
}
