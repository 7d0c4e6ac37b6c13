import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/types.ts';
import type { Witness } from '../core/events.ts';
import { saneRequestId } from '../core/headers.ts';
import { tongueAt } from '../core/operations.ts';
import { tenths } from '../core/request-events.ts';
import { splitTarget } from '../core/request-target.ts';
import { tongueOfPath } from '../core/tongue.ts';
import type { Tongue } from '../core/tongue.ts';
import type { Trace } from '../core/trace.ts';
import type { Logger } from '../logger.ts';
import { ownPortOf } from './arrival.ts';
import { bindExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { consumerNamed, cutOf, isTold, requestFinished } from './exchange-event.ts';
import { tracedOf } from './traced.ts';

/** What the first stage needs. */
export interface AccessLogServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: Witness;
  /** null: no traces are wanted. */
  beginTrace(traceparent: string | string[] | undefined): Trace | null;
  /** The newest configuration. */
  config(): Config;
}

/** First stage: begins the exchange, and writes its one line when it has ended, however it ended. */
export function accessLog({ clock, logger, events, config, beginTrace }: AccessLogServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const { path, query } = splitTarget(req.originalUrl);
    const exchange: Exchange = {
      id: saneRequestId(req.headers['x-request-id']) ?? randomUUID(),
      startedAt: clock.now(),
      method: req.method,
      path,
      query,
      config: config(),
      kind: null,
      key: null,
      login: null,
      isOwnOnly: false,
      origin: null,
      prefix: '',
      tongue: tongueHere(req, path, config()),
      model: null,
      route: null,
      consumer: null,
      body: null,
      scan: null,
      translator: null,
      translation: null,
      translating: null,
      lease: null,
      waiting: null,
      upstream: null,
      answer: null,
      jobIds: [],
      isAbandoned: false,
      isCancelled: false,
      abandon: null,
      isRetried: false,
      times: {},
      trace: beginTrace(req.headers['traceparent']),
      requestBytes: 0,
      responseBytes: 0,
      error: null,
      cut: null,
    };
    bindExchange(res, exchange);
    res.once('close', () => {
      exchange.body?.discard();
      const totalMs = clock.now() - exchange.startedAt;
      const isQuiet = exchange.kind === null && res.statusCode < 400;
      logger[isQuiet ? 'debug' : 'info']('exchange', lineOf(exchange, res, totalMs));
      if (isTold(exchange, res)) events.note(requestFinished(exchange, res, totalMs));
      exchange.trace?.end(tracedOf(exchange, res));
    });
    next();
  };
}

/** The path alone says it, but for a port of a consumer's own. */
function tongueHere(req: Request, path: string, { consumers }: Config): Tongue {
  const own = ownPortOf(req);
  return own === null ? tongueAt(path) : tongueOfPath(path, consumers.get(own)?.preset === 'ollama');
}

/** The fields of the line. Times in ms with one decimal. */
function lineOf(exchange: Exchange, res: Response, totalMs: number): Record<string, unknown> {
  const { times } = exchange;
  return {
    id: exchange.id,
    method: exchange.method,
    path: exchange.path,
    peer: res.req.socket.remoteAddress,
    key: exchange.key ?? undefined,
    login: exchange.login ?? undefined,
    kind: exchange.kind ?? undefined,
    model: exchange.model ?? undefined,
    consumer: consumerNamed(exchange) ?? undefined,
    status: res.headersSent ? res.statusCode : null,
    error: exchange.error ?? undefined,
    cut: cutOf(exchange, res) ?? undefined,
    bytes_in: exchange.requestBytes,
    bytes_out: exchange.responseBytes,
    queue_ms: rounded(times.queue),
    evict_ms: rounded(times.evict),
    load_ms: rounded(times.load),
    upstream_ms: rounded(times.upstream),
    total_ms: rounded(totalMs),
  };
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : tenths(ms);
}
