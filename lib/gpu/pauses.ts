import type { Witness } from '../core/events.ts';
import type { Pause } from '../core/gating.ts';
import type { Logger } from '../logger.ts';
import { pausedSince } from './refusals.ts';

/** Whether the card is kept from new work by hand. */
export class Pauses {
  readonly #services: { readonly logger: Logger; readonly events: Witness };
  #on: Pause | null = null;

  constructor(services: { readonly logger: Logger; readonly events: Witness }) {
    this.#services = services;
  }

  /** Since when and by whom; null: it is not. */
  get on(): Pause | null {
    return this.#on;
  }

  /** @throws BrokerError `paused` while it is. */
  refuse(): void {
    if (this.#on !== null) throw pausedSince(this.#on);
  }

  /** Returns the pause that is on then: one that was stays as it is. */
  begin(pause: Pause): Pause {
    if (this.#on !== null) return this.#on;
    this.#on = pause;
    this.#services.logger.info('paused', { by: pause.by });
    this.#services.events.note({ type: 'pause', paused: true, by: pause.by });
    return pause;
  }

  /** Returns the pause that this ends; null: there was none. */
  end(): Pause | null {
    const was = this.#on;
    if (was === null) return null;
    this.#on = null;
    this.#services.logger.info('resumed', { was_paused_since: was.since.toISOString() });
    this.#services.events.note({ type: 'pause', paused: false, by: null });
    return was;
  }
}
