import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { Config, ConsumerConfig, Kind, PathTarget } from '../config/types.ts';
import type { GatedConsumer, GrantedLease } from '../core/gating.ts';
import type { StageTimes } from '../core/headers.ts';
import type { TakenBody } from './taken-body.ts';

/** One request with its response and timings, as the stages fill it in. Times monotonic, ms. */
export interface Exchange {
  readonly id: string;
  readonly startedAt: number;
  /** As the client asked, before any rewriting. */
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** The configuration that this request began with; a reload does not reach it. */
  readonly config: Config;
  kind: Kind | 'audio' | null;
  route: { readonly consumer: ConsumerConfig; readonly target: PathTarget | null } | null;
  consumer: GatedConsumer | null;
  body: TakenBody | null;
  lease: GrantedLease | null;
  /** The request to the consumer, once it has a socket. */
  upstream: ClientRequest | null;
  /** The consumer's answer, once it has begun. */
  answer: IncomingMessage | null;
  /** Jobs that its answer has named and that go on after it. */
  jobIds: readonly string[];
  /** The client left before its answer was whole. */
  isAbandoned: boolean;
  /** A request that a stale socket broke has been sent again. */
  isRetried: boolean;
  readonly times: StageTimes;
  requestBytes: number;
  responseBytes: number;
  /** The code of our own error that ended it; null: none. */
  error: string | null;
  /** Why the connection was cut in the middle of an answer; null: it was not. */
  cut: string | null;
}

const EXCHANGE: unique symbol = Symbol('exchange');

declare module 'express-serve-static-core' {
  interface Response {
    [EXCHANGE]?: Exchange;
  }
}

/** Binds an exchange to its response; done once, by the first stage. */
export function bindExchange(res: Response, exchange: Exchange): void {
  res[EXCHANGE] = exchange;
}

/** The exchange of a response. Throws if the first stage has not run: that would be a bug in the order of stages. */
export function exchangeOf(res: Response): Exchange {
  const exchange = res[EXCHANGE];
  if (exchange === undefined) throw new Error('no exchange: the access log must be the first stage');
  return exchange;
}

/** A stage that knows its consumer by now. */
export function routedExchange(res: Response): Exchange & { route: NonNullable<Exchange['route']>; consumer: GatedConsumer } {
  const exchange = exchangeOf(res);
  if (!isRouted(exchange)) throw new Error('no route: route resolution must come before this stage');
  return exchange;
}

function isRouted(exchange: Exchange): exchange is Exchange & { route: NonNullable<Exchange['route']>; consumer: GatedConsumer } {
  return exchange.route !== null && exchange.consumer !== null;
}
