import type { Config } from '../config/types.ts';
import type { BrokerEvent } from '../core/events.ts';
import type { HistoryQuery } from '../core/history-query.ts';
import type { HistoryFacts } from '../core/status.ts';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HistoryFormat, HistoryPage, HistorySettings } from './messages.ts';
import { Recorder } from './recorder.ts';

/** What happened, kept through restarts if the configuration says so. */
export class History {
  readonly #logger: Logger;
  readonly #settingsIn: (config: Config) => HistorySettings | null;
  #recorder: Recorder | null = null;
  #isStopped = false;
  #ended: Promise<unknown> = Promise.resolve();

  /** `settingsIn` says what a configuration means; null: nothing is kept. */
  constructor(logger: Logger, settingsIn: (config: Config) => HistorySettings | null) {
    this.#logger = logger;
    this.#settingsIn = settingsIn;
  }

  /** Begins, changes or ends it. */
  reconfigure(config: Config): void {
    this.#use(this.#settingsIn(config));
  }

  note(event: BrokerEvent): void {
    this.#recorder?.note(event);
  }

  /** How it is with it; null: nothing is kept. */
  get facts(): HistoryFacts | null {
    return this.#recorder === null ? null : { fault: this.#recorder.fault, dropped: this.#recorder.dropped };
  }

  /** @throws BrokerError `history_off`, `history_unavailable` or `overloaded`. */
  async read(query: HistoryQuery, format: HistoryFormat): Promise<HistoryPage> {
    if (this.#recorder === null) throw new BrokerError('historyOff', 'no history is kept; a section `history: {}` in the configuration turns it on');
    return this.#recorder.read(query, format);
  }

  /** Resolves when everything is on the disk, or could not be written, within about 2 s. */
  async stop(): Promise<void> {
    this.#use(null);
    this.#isStopped = true;
    await this.#ended;
  }

  #use(settings: HistorySettings | null): void {
    const old = this.#recorder;
    if (old !== null && old.file !== settings?.file) {
      this.#recorder = null;
      this.#ended = Promise.all([this.#ended, old.stop()]);
    }
    if (settings === null || this.#isStopped) return;
    this.#recorder ??= new Recorder(settings, this.#logger);
    this.#recorder.use(settings);
  }
}
