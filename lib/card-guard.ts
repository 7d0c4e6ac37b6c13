import { acquireCardLock } from './gpu/card-lock.ts';
import type { CardLock, Holder } from './gpu/card-lock.ts';
import type { Logger } from './logger.ts';
import { StartError } from './start-error.ts';

/** What the guard works with. */
export interface CardGuardOptions {
  readonly configPath: string;
  readonly logger: Logger;
}

/** Keeps a second daemon from managing the same card. A card is known by its UUID, so without a reading there is no lock. */
export class CardGuard {
  readonly #options: CardGuardOptions;
  #lock: CardLock | null = null;
  #url: string | null = null;

  constructor(options: CardGuardOptions) {
    this.#options = options;
  }

  /**
   * Locks the card; `uuid` null: it could not be read.
   * @throws StartError that names the daemon that has it.
   */
  async lock(uuid: string | null): Promise<void> {
    if (uuid === null) {
      this.#options.logger.warn('the card cannot be read, so nothing keeps a second daemon from managing it too');
      return;
    }
    const lock = await acquireCardLock(uuid, this.#holder());
    this.#lock = lock;
    if (!lock.ok) throw new StartError(`the card ${uuid} is already managed by ${described(lock.holder)}`);
  }

  /** Tells others where this daemon listens. */
  listening(url: string): void {
    this.#url = url;
    if (this.#lock?.ok === true) this.#lock.update(this.#holder());
  }

  /** A sample names the card: locks it if it could not be read at the start. A second daemon is reported, as running work cannot be left alone. */
  sampled(uuid: string | null): void {
    if (this.#lock !== null || this.#url === null || uuid === null) return;
    this.lock(uuid).catch((error: unknown) => {
      this.#options.logger.error('two daemons manage one card', { reason: error instanceof Error ? error.message : String(error) });
    });
  }

  async release(): Promise<void> {
    if (this.#lock?.ok === true) await this.#lock.release();
  }

  #holder(): Holder {
    return { pid: process.pid, listen: this.#url, config: this.#options.configPath };
  }
}

function described(holder: Holder | null): string {
  if (holder === null) return 'another daemon, which does not say who it is';
  return `the daemon with pid ${holder.pid}, which listens on ${holder.listen ?? '(nothing yet)'} (configuration ${holder.config})`;
}
