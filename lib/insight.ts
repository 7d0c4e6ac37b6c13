import type { Clock } from './clock.ts';
import type { Config } from './config/types.ts';
import type { StatusFacts } from './core/status.ts';
import type { EventLog } from './events/event-log.ts';
import type { Logger } from './logger.ts';
import { Metrics } from './metrics/metrics.ts';
import type { Facts } from './metrics/show-facts.ts';
import { Tracing } from './tracing/tracing.ts';

/** What metrics and traces need of the daemon. */
export interface InsightServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly events: EventLog;
  config(): Config;
  status(): StatusFacts;
  watchers(): Facts['watchers'];
}

/** What other programs are told of the broker, beside its own pages: metrics and traces. */
export class Insight {
  readonly #services: InsightServices;
  readonly #metrics: Metrics;
  readonly #tracing: Tracing;
  /** For the gate. */
  readonly ran: Metrics['ran'];
  /** What the stages and our own routes get to see. */
  readonly services: { readonly scrape: Metrics['scrape']; readonly beginTrace: Tracing['begin'] };

  constructor(services: InsightServices) {
    const { events } = services;
    this.#services = services;
    const metrics = (this.#metrics = new Metrics({ config: () => services.config(), facts: () => ({ ...services.status(), watchers: services.watchers() }) }));
    const tracing = (this.#tracing = new Tracing(services));
    this.ran = metrics.ran;
    this.services = { scrape: () => metrics.scrape(), beginTrace: (traceparent) => tracing.begin(traceparent) };
    events.listen(this.#metrics.noted);
  }

  async start(): Promise<void> {
    await this.#tracing.start(this.#services.config().tracing.otlp_endpoint);
  }

  async stop(): Promise<void> {
    await this.#tracing.stop();
  }
}
