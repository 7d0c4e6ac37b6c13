import { EventEmitter, once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { inTurn } from './in-turn.ts';
import { upgradeOf } from './middlewares/arrival.ts';

/** Counts the exchanges that have not ended, so that a shutdown knows when the last one has. An open tunnel is none: it may never end. */
export class OpenExchanges {
  readonly #events = new EventEmitter();
  readonly #open = new Set<ServerResponse>();
  readonly #endless = new WeakSet<ServerResponse>();

  /** Counts the exchanges of a server too; returns the server. */
  watch(server: Server): Server {
    // One that has not begun may never end.
    const count = inTurn((req, res) => {
      if (this.#endless.has(res)) return;
      this.#open.add(res);
      res.once('close', () => this.#ended(res));
      if (upgradeOf(req) === null) return;
      res.once('finish', () => {
        if (res.statusCode === 101) this.#ended(res);
      });
    });
    return server.on('request', count);
  }

  /** It ends only when its client or the broker does, so nobody waits for it. Its stages may have run before it could be counted. */
  disregard(res: ServerResponse): void {
    this.#endless.add(res);
    this.#ended(res);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    while (this.#open.size > 0) await once(this.#events, 'none');
  }

  #ended(res: ServerResponse): void {
    if (this.#open.delete(res) && this.#open.size === 0) this.#events.emit('none');
  }
}
