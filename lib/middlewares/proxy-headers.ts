import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { isForwarded, namedBy, returnedHeaders, serverTiming } from '../core/headers.ts';
import type { Exchange } from './exchange.ts';

/** Replaces the client's headers by those for the consumer. */
export function applyRequestHeaders(req: Request, exchange: Exchange): void {
  const { headers } = req;
  const nominated = namedBy(headers.connection);
  const forwarded: IncomingHttpHeaders = {};
  for (const name in headers) {
    if (isForwarded(name, nominated)) forwarded[name] = headers[name];
  }
  // A body that was taken in has a known length; one that streams keeps its own framing.
  if (exchange.body !== null) forwarded['content-length'] = String(exchange.body.length);
  else if (headers['transfer-encoding'] !== undefined) forwarded['transfer-encoding'] = headers['transfer-encoding'];
  // Its answer is read along.
  if (exchange.route?.consumer.completion !== undefined) delete forwarded['accept-encoding'];
  forwarded['x-request-id'] = exchange.id;
  forwarded['x-forwarded-for'] = req.socket.remoteAddress ?? 'unknown';
  forwarded['x-forwarded-host'] = headers.host ?? '';
  forwarded['x-forwarded-proto'] = 'http';
  req.headers = forwarded;
}

/** Headers for the client: the consumer's own, and ours. */
export function answerHeaders(answer: IncomingMessage, exchange: Exchange): string[] {
  const headers = returnedHeaders(answer.rawHeaders, answer.headers.connection);
  headers.push('X-Request-Id', exchange.id, 'X-Consumer', exchange.route?.consumer.name ?? '');
  headers.push('Server-Timing', serverTiming(exchange.times));
  return headers;
}
