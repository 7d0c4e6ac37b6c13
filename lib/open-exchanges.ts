import { EventEmitter, once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { inTurn } from './in-turn.ts';
import { upgradeOf } from './middlewares/arrival.ts';

/**
 * Counts the exchanges that have not ended, so that a shutdown knows when the last one has. An open tunnel is none: it may never end.
 * A number and no set of them: each time that V8 makes a set's table anew the old one keeps its entries, and leads to the next. Once one of
 * these had become old, all exchanges did.
 */
export class OpenExchanges {
  readonly #events = new EventEmitter();
  readonly #endless = new WeakSet<ServerResponse>();
  #count = 0;

  /** Counts the exchanges of a server too; returns the server. */
  watch(server: Server): Server {
    const count = inTurn((req, res) => {
      this.#count += 1;
      res.once('close', () => {
        if (!this.#endless.has(res)) this.#ended();
      });
      if (upgradeOf(req) === null) return;
      res.once('finish', () => {
        if (res.statusCode === 101) this.disregard(res);
      });
    });
    // Before any stage can say that it may never end.
    return server.prependListener('request', count);
  }

  /** It ends only when its client or the broker does, so nobody waits for it. */
  disregard(res: ServerResponse): void {
    if (res.closed || this.#endless.has(res)) return;
    this.#endless.add(res);
    this.#ended();
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    while (this.#count > 0) await once(this.#events, 'none');
  }

  #ended(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#events.emit('none');
  }
}
