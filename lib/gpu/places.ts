import type { Config } from '../config/types.ts';
import { queueFull, queueShareFull } from './refusals.ts';

/** Counts who waits, in all and of each client, against `queue.max_waiting` and `queue.max_waiting_per_client`. */
export class Places {
  /** Under undefined what has no share. */
  readonly #byClient = new Map<string | undefined, number>();
  #taken = 0;

  /** All who wait. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * `client` missing: it is the broker's own work, or work by hand, which has no share.
   * @throws BrokerError `queue_full` or `queue_share_full`.
   */
  refuseIfFull({ queue }: Config, lastRunMs: number | null, client?: string): void {
    if (this.#taken >= queue.max_waiting) throw queueFull({ waiting: this.#taken, lastRunMs }, queue.max_waiting);
    const own = this.#byClient.get(client) ?? 0;
    if (client !== undefined && own >= queue.max_waiting_per_client) throw queueShareFull({ waiting: own, lastRunMs }, queue.max_waiting_per_client);
  }

  take(client?: string): void {
    this.#change(client, 1);
  }

  give(client?: string): void {
    this.#change(client, -1);
  }

  #change(client: string | undefined, by: 1 | -1): void {
    this.#taken += by;
    const count = (this.#byClient.get(client) ?? 0) + by;
    if (count === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, count);
  }
}
