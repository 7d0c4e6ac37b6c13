import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { Config, ConsumerConfig, Kind } from '../config/types.ts';
import type { GatedConsumer, GrantedLease } from '../core/gating.ts';
import type { StageTimes } from '../core/headers.ts';
import type { Tongue } from '../core/tongue.ts';
import type { Trace } from '../core/trace.ts';
import type { ScannedBody } from '../core/scanned-body.ts';
import type { TakenBody } from './taken-body.ts';
import type { Translation, Translator } from './translation.ts';
import type { WaitingStream } from './waiting-stream.ts';

/** What the consumer is asked. */
export interface Target {
  readonly method: string;
  readonly path: string;
}

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
  /** `native`: a path of the consumer's own; `lease`, `load`, `unload`: by hand; null: another path of ours. */
  kind: Kind | 'audio' | 'native' | 'lease' | 'load' | 'unload' | null;
  /** Name of the key that was shown; null: none that is ours. */
  key: string | null;
  /** The Tailscale user at the other end of the connection; null: not known, or not asked for. */
  login: string | null;
  /** It may touch only what its own client has asked for. */
  isOwnOnly: boolean;
  /** The listed origin of the web page that made it; null: no page of another origin did. */
  origin: string | null;
  /** What our path has before the consumer's own; empty where that is all of it. */
  prefix: string;
  /** In whose form its client reads our errors. */
  tongue: Tongue;
  /** The model that it asks for; null: none was read. */
  model: string | null;
  /** `target` null: method and path as the client sent them. */
  route: { readonly consumer: ConsumerConfig; readonly target: Target | null } | null;
  consumer: GatedConsumer | null;
  body: TakenBody | null;
  /** What its body says, where that was read along; null: it was not, or there is none. */
  scan: ScannedBody | null;
  /** What is to translate it; null: it goes on as it is. Set by the route. */
  translator: Translator | null;
  /** How its consumer's answer becomes the client's; null: it goes back as it is. */
  translation: Translation | null;
  /** A translated answer for which the consumer is still needed, until it has ended; never rejects. */
  translating: Promise<void> | null;
  lease: GrantedLease | null;
  /** Keeps its connection alive while it waits; null: nobody asked for a stream of events. */
  waiting: WaitingStream | null;
  /** The request to the consumer, once it has a socket. */
  upstream: ClientRequest | null;
  /** The consumer's answer, once it has begun. */
  answer: IncomingMessage | null;
  /** Jobs that its answer has named and that go on after it. */
  jobIds: readonly string[];
  /** The client left before its answer was whole, or the work was cancelled. */
  isAbandoned: boolean;
  /** Somebody has cancelled its work: its client has been told, and is told nothing else. */
  isCancelled: boolean;
  /** Has the work at the consumer end, or awaits it where it cannot be ended; null: the consumer has not been asked yet. */
  abandon: (() => void) | null;
  /** A request that a stale socket broke has been sent again. */
  isRetried: boolean;
  readonly times: StageTimes;
  /** null: no traces are wanted. */
  readonly trace: Trace | null;
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
