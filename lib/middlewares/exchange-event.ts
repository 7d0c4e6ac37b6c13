import type { Response } from 'express';
import type { RequestFinished } from '../core/events.ts';
import { orNull, tenths } from '../core/request-events.ts';
import { clientOf } from './client-name.ts';
import type { Exchange } from './exchange.ts';

/** A path as it is told: longer ones are nobody's but an attacker's. Characters */
const LONGEST_PATH = 256;
/** Monitors ask these all the time, also while the answer is no. */
const QUIET: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** Whether the end of an exchange is told: of work always, of other paths of ours where they failed. */
export function isTold({ kind, path }: Exchange, res: Response): boolean {
  return kind !== null || (res.headersSent && res.statusCode >= 400 && !QUIET.has(path));
}

/** What is told of an exchange that has ended. */
export function requestFinished(exchange: Exchange, res: Response, totalMs: number): RequestFinished {
  const { times } = exchange;
  return {
    type: 'request_finished',
    request: exchange.id,
    kind: exchange.kind,
    consumer: consumerNamed(exchange),
    model: exchange.model,
    client: clientOf(res.req, exchange),
    method: exchange.method,
    path: pathTold(exchange),
    status: res.headersSent ? res.statusCode : null,
    error: exchange.error,
    cut: cutOf(exchange, res),
    queue_ms: orNull(times.queue),
    evict_ms: orNull(times.evict),
    load_ms: orNull(times.load),
    upstream_ms: orNull(times.upstream),
    total_ms: tenths(totalMs),
    bytes_in: exchange.requestBytes,
    bytes_out: exchange.responseBytes,
  };
}

/** Who was to serve it; null: nobody, or that is not known. */
export function consumerNamed({ route, consumer }: Exchange): string | null {
  return route?.consumer.name ?? consumer?.name ?? null;
}

/** Why its answer is not whole; null: it is. */
export function cutOf({ cut }: Exchange, res: Response): string | null {
  return cut ?? (res.writableFinished ? null : 'client left');
}

/** Events are kept, and a part of a string keeps all of it: a copy does not. */
function pathTold({ path, query }: Exchange): string {
  return path.length + query.length <= LONGEST_PATH ? path : Buffer.from(path.slice(0, LONGEST_PATH)).toString();
}
