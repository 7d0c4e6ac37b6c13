import type { Config } from '../config/types.ts';
import type { BrokerEvent } from '../core/events.ts';
import type { GateRequest } from '../core/gating.ts';
import { beginAtZero } from './begin-at-zero.ts';
import { countEvent } from './count-events.ts';
import { NO_CONSUMER, OTHER, consumerLabel, kindLabel } from './labels.ts';
import type { Meters } from './meters.ts';
import { showFacts } from './show-facts.ts';
import type { Facts } from './show-facts.ts';
import { Tally } from './tally.ts';

/** What the metrics are made from. */
export interface MetricsServices {
  /** The newest configuration: only what it names gets a series. */
  config(): Config;
  /** What is true now, as it is known without asking anybody. */
  facts(): Facts;
}

/** A scrape's answer. */
export interface Scraped {
  readonly contentType: string;
  readonly text: string;
}

/** What is counted of what happens, and what is read when somebody asks. */
export class Metrics {
  readonly #services: MetricsServices;
  readonly #tally = new Tally();
  /** Loaded with prom-client by the first scrape: 9 MiB that nobody needs who has no Prometheus. */
  #meters: Meters | null = null;
  #scraping: Promise<Scraped> | null = null;
  /** The configuration whose consumers have series, and no others. */
  #cleanedFor: Config | null = null;

  constructor(services: MetricsServices) {
    this.#services = services;
  }

  /** Counts an event; for `EventLog.listen`. */
  readonly noted = (event: BrokerEvent): void => {
    countEvent(this.#tally, event, this.#services.config().consumers);
  };

  /** Counts a lease that has ended. */
  readonly ran = ({ kind, work, consumerConfig }: GateRequest, ms: number): void => {
    const consumer = consumerLabel(consumerConfig.name, this.#services.config().consumers);
    this.#tally.observe('runSeconds', { kind: kindLabel(kind ?? work), consumer }, ms);
  };

  /** The text for Prometheus. Those who ask at the same time share one. */
  scrape(): Promise<Scraped> {
    this.#scraping ??= this.#scrape().finally(() => (this.#scraping = null));
    return this.#scraping;
  }

  async #scrape(): Promise<Scraped> {
    const meters = (this.#meters ??= new (await import('./meters.ts')).Meters(this.#tally));
    this.#heedConfig();
    showFacts({ meters, tally: this.#tally }, this.#services.facts());
    return { contentType: meters.contentType, text: await meters.text() };
  }

  /** A consumer that a reload took out has no series any more, and a new one has those of rare things. */
  #heedConfig(): void {
    const config = this.#services.config();
    if (config === this.#cleanedFor) return;
    beginAtZero(this.#tally, config.consumers.values());
    const isGone = (value: string): boolean => !config.consumers.has(value) && value !== OTHER && value !== NO_CONSUMER;
    this.#tally.forget(['consumer', 'victim'], isGone);
    this.#cleanedFor = config;
  }
}
