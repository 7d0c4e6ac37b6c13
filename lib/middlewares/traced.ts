import type { Response } from 'express';
import type { TracedExchange } from '../core/trace.ts';
import type { Exchange } from './exchange.ts';

/** What a trace shows of an exchange whose response has closed. */
export function tracedOf(exchange: Exchange, res: Response): TracedExchange {
  const { id, method, path, kind, model, error, times, route } = exchange;
  return {
    id,
    method,
    path,
    kind,
    model,
    error,
    times,
    consumer: route?.consumer.name ?? null,
    status: res.headersSent ? res.statusCode : null,
    cut: exchange.cut ?? (res.writableFinished ? null : 'client left'),
  };
}
