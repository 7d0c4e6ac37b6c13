import type { Clock } from '../clock.ts';
import { traceEndpoint } from '../core/trace.ts';
import type { Trace } from '../core/trace.ts';
import { isWithin } from '../within.ts';
import type { Logger } from '../logger.ts';
import { ExchangeTrace, spansOf } from './exchange-trace.ts';
import type { EndedTrace } from './exchange-trace.ts';
import { openSink } from './otlp.ts';
import type { SpanSink } from './otlp.ts';

/** What traces need. */
export interface TracingServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Exchanges whose spans have not been made yet; they are made as soon as the process has nothing else to do. */
const MOST_ENDED = 1000;
/** A collector that hangs does not hold up the end of the daemon for longer. */
const LAST_WORDS_MS = 2000;

/** Traces of exchanges, where a collector is configured. Otherwise it does nothing and loads nothing. */
export class Tracing {
  readonly #services: TracingServices;
  #sink: SpanSink | null = null;
  #ended: EndedTrace[] = [];
  /** Of the last sending; null: it went well. */
  #problem: string | null = null;

  constructor(services: TracingServices) {
    this.#services = services;
  }

  /** Opens the way to the collector, if there is one. It need not be there. */
  async start(configured: string | undefined): Promise<void> {
    const { env, version, logger } = this.#services;
    const url = traceEndpoint(configured, env);
    if (url === null) return;
    if (!URL.canParse(url)) {
      logger.warn('no traces are sent: the address of the collector is no URL', { to: url });
      return;
    }
    const service = env['OTEL_SERVICE_NAME'] ?? 'mgpumanager';
    this.#sink = await openSink({ url, service, version, onSent: (problem) => this.#sent(problem) });
    logger.info('traces are sent', { to: new URL(url).origin });
  }

  /** The trace of an exchange that begins; null: nobody wants any. */
  begin(traceparent: string | string[] | undefined): Trace | null {
    if (this.#sink === null) return null;
    return new ExchangeTrace(traceparent, { clock: this.#services.clock, onEnd: (ended) => this.#take(ended) });
  }

  /** Sends what is left, within 2 s. */
  async stop(): Promise<void> {
    const sink = this.#sink;
    if (sink === null) return;
    this.#write();
    this.#sink = null;
    await isWithin(LAST_WORDS_MS, sink.close().catch(() => undefined));
  }

  /** Spans are made later: whoever waits for the card comes first. */
  #take(ended: EndedTrace): void {
    if (this.#ended.length >= MOST_ENDED) return;
    if (this.#ended.push(ended) === 1) setImmediate(() => this.#write());
  }

  #write(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const each of ended) for (const span of spansOf(each)) this.#sink?.take(span);
  }

  /** One line when it begins to fail, and one when it works again. */
  #sent(problem: string | null): void {
    const { logger } = this.#services;
    if (problem !== null && this.#problem === null) logger.warn('traces cannot be sent, and are dropped', { problem });
    if (problem === null && this.#problem !== null) logger.info('traces are sent again');
    this.#problem = problem;
  }
}
