import { STATUS_CODES } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { errorEvent } from '../core/event-stream.ts';
import { errorBody, errorHeaders } from '../core/tongue.ts';
import type { SpokenError, Tongue } from '../core/tongue.ts';
import { BrokerError, CLIENT_LEFT } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { cutOff } from './cut-off.ts';
import { exchangeOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { linger, LINGER_MS } from './linger.ts';

/** What goes over the wire for an error of ours. */
export interface Envelope {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Last stage: every error of ours leaves here, in the tongue of its path. An error that we did not foresee is a bug, and looks like one. */
export function errorHandler(logger: Logger) {
  // Express takes a function of four parameters for an error handler.
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    sendError({ error, req, res }, logger);
  };
}

/** Writes an error, or destroys the connection if an answer has begun: truncation must never look like success. */
export function sendError(failure: { readonly error: unknown; readonly req: Request; readonly res: Response }, logger: Logger): void {
  const { req, res } = failure;
  if (failure.error === CLIENT_LEFT) return;
  const exchange = exchangeOf(res);
  const error = asBrokerError(failure.error, { id: exchange.id, logger });
  exchange.error = error.kind.error;
  exchange.waiting?.stop();
  if (isOnlyWaiting(exchange) && !res.destroyed) {
    res.end(errorEvent(exchange.tongue, exchange.path, errorBody(exchange.tongue, spoken(error, exchange.id))));
    return;
  }
  if (res.headersSent || res.destroyed) {
    cutOff(res);
    return;
  }
  const { status, headers, body } = envelopeOf(error, exchange);
  // With its reason: Node would keep one that a consumer has sent.
  res.writeHead(status, STATUS_CODES[status] ?? '', { ...headers, 'X-Request-Id': exchange.id, 'X-Content-Type-Options': 'nosniff' });
  res.end(req.method === 'HEAD' ? undefined : body);
  if (!req.complete) dropRest(req);
}

/** Of its stream nothing but comments has been sent. */
export function isOnlyWaiting({ waiting, responseBytes }: Exchange): boolean {
  return waiting?.hasBegun === true && responseBytes === 0;
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3 */
const CHALLENGE = 'Bearer realm="mgpumanager"';
/** An error before there was an exchange. */
const NOBODY = { tongue: 'facade', id: null } as const;

/** An error as an exchange's client reads it. */
export function envelopeOf(error: BrokerError, { tongue, id }: { readonly tongue: Tongue; readonly id: string | null } = NOBODY): Envelope {
  const { retryAfterS, allow } = error.details;
  const said = spoken(error, id);
  const body = JSON.stringify(errorBody(tongue, said));
  return {
    status: said.status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      ...(retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) }),
      ...(allow === undefined ? {} : { Allow: allow.join(', ') }),
      ...(said.code === 'unauthorized' ? { 'WWW-Authenticate': CHALLENGE } : {}),
      ...errorHeaders(tongue, said, retryAfterS),
    },
    body,
  };
}

function spoken({ kind, message, details }: BrokerError, requestId: string | null): SpokenError {
  const { consumer, fields = {} } = details;
  return { status: kind.status, code: kind.error, message, consumer, retryable: kind.retryable, fields, requestId };
}

function asBrokerError(error: unknown, context: { readonly id: string; readonly logger: Logger }): BrokerError {
  if (error instanceof BrokerError) return error;
  // From Express, which decodes the name of a consumer in a path.
  if (error instanceof URIError) return new BrokerError('badRequest', 'the path holds an escape that is not UTF-8');
  // The stack goes to the log only: it names files and addresses that are no client's business.
  context.logger.error('unforeseen error', { id: context.id, error: error instanceof Error ? error.stack : String(error) });
  return new BrokerError('schedulerError', 'an internal error; the log has it under this request id');
}

/** A client that still sends would be reset before it has read the answer; so its bytes are read and dropped for a moment. */
function dropRest(req: Request): void {
  const { socket } = req;
  const lingerOn = (): void => linger(socket.end());
  // Node calls it when the last answer of a connection has been sent.
  socket.destroySoon = lingerOn;
  req.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  const stop = (): void => clearTimeout(timer);
  req.once('end', stop);
  req.once('close', stop);
}
