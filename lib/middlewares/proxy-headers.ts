import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { locationBehind } from '../core/doors.ts';
import { isForwarded, namedBy, returnedHeaders, serverTiming } from '../core/headers.ts';
import type { Trace } from '../core/trace.ts';
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
  else if (headers['transfer-encoding'] !== undefined) forwarded['transfer-encoding'] = 'chunked';
  // Its answer is read along, or the head of its stream is out and says nothing of a coding.
  if (exchange.route?.consumer.completion !== undefined || exchange.translation !== null || exchange.waiting?.hasBegun === true) delete forwarded['accept-encoding'];
  Object.assign(forwarded, exchange.translation?.headers);
  forwarded['x-request-id'] = exchange.id;
  forwarded['x-forwarded-for'] = req.socket.remoteAddress ?? 'unknown';
  forwarded['x-forwarded-host'] = headers.host ?? '';
  forwarded['x-forwarded-proto'] = 'http';
  if (exchange.trace !== null) continueTrace(forwarded, exchange.trace);
  req.headers = forwarded;
}

/** What the consumer does is part of our span. A state without a trace that can be read belongs to none. */
function continueTrace(headers: IncomingHttpHeaders, { traceparent, keepsState }: Trace): void {
  headers['traceparent'] = traceparent;
  if (!keepsState) delete headers['tracestate'];
}

/** Headers for the client: the consumer's own, and ours. */
export function answerHeaders(answer: IncomingMessage, exchange: Exchange): string[] {
  const keepsCookies = exchange.kind === 'native' && exchange.origin === null;
  const headers = returnedHeaders(answer.rawHeaders, { connection: answer.headers.connection, keepsCookies });
  if (exchange.kind === 'native' && answer.headers.location !== undefined) leadThroughDoor(headers, exchange);
  headers.push(...brokerHeaders(exchange));
  // The consumer's own `Vary` would take the place of the one that is set.
  if (exchange.origin !== null) headers.push('Vary', 'Origin');
  return headers;
}

/** Our own headers on every answer that came from a consumer. */
export function brokerHeaders(exchange: Exchange): string[] {
  return ['X-Request-Id', exchange.id, 'X-Consumer', exchange.route?.consumer.name ?? '', 'Server-Timing', serverTiming(exchange.times)];
}

/** A redirect within the consumer's own server stays within its door. */
function leadThroughDoor(headers: string[], { prefix, route }: Exchange): void {
  const url = route?.consumer.url ?? '';
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (headers[index]?.toLowerCase() === 'location') headers[index + 1] = locationBehind(headers[index + 1] ?? '', { prefix, url });
  }
}
