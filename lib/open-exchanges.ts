import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { inTurn } from './in-turn.ts';

/** Counts the exchanges of a server that have not ended, so that a shutdown knows when the last one has. */
export class OpenExchanges {
  readonly #events = new EventEmitter();
  #count = 0;

  constructor(server: Server) {
    // One that has not begun may never end.
    const count = inTurn((_req, res) => {
      this.#count += 1;
      res.once('close', () => {
        this.#count -= 1;
        if (this.#count === 0) this.#events.emit('none');
      });
    });
    server.on('request', count);
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    while (this.#count > 0) await once(this.#events, 'none');
  }
}
