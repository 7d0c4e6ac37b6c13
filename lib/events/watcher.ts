import type { ServerResponse } from 'node:http';
import type { BrokerEvent, EventType } from '../core/events.ts';

/** More than this unsent, and it is cut: it comes back with the id of what it last read. */
const MOST_UNSENT_BYTES = 256 * 1024;
/** What happens is gathered for so long: a busy broker has a hundred events a second, and each write costs it more than the event. ms. */
const GATHER_MS = 50;
/** Or until there is so much, as a burst is no reason to cut one that reads. */
const MOST_GATHERED_BYTES = 16 * 1024;

/** One who watches: its connection, and what it wants. */
export class Watcher {
  /** While it is told what it missed: up to which event it has been; the rest is in the log. null: it is told what happens as it happens. */
  behindAt: number | null = null;
  readonly #res: ServerResponse;
  readonly #types: ReadonlySet<EventType> | null;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;

  /** `types` null: all. */
  constructor(res: ServerResponse, types: ReadonlySet<EventType> | null) {
    this.#res = res;
    this.#types = types;
  }

  wants({ type }: BrokerEvent): boolean {
    return this.#types === null || this.#types.has(type);
  }

  /** Sends it within a moment, with what else happens until then. */
  sendSoon(frame: Buffer): void {
    if (this.#gathered.length === 0) setTimeout(() => this.#flush(), GATHER_MS);
    this.#gathered.push(frame);
    this.#gatheredBytes += frame.length;
    if (this.#gatheredBytes >= MOST_GATHERED_BYTES) this.#flush();
  }

  /** Sends it at once, after all before it. Returns whether its connection takes more at once. */
  send(frame: string | Buffer): boolean {
    this.#flush();
    return this.#isOver ? false : this.#res.write(frame);
  }

  /** It takes events more slowly than they happen. */
  get isTooSlow(): boolean {
    return this.#res.writableLength + this.#gatheredBytes > MOST_UNSENT_BYTES;
  }

  /** Calls back once what was sent is on its way. */
  whenDrained(goOn: () => void): void {
    this.#res.once('drain', goOn);
  }

  /** Its last word has been said, though perhaps not read; or nobody is there. */
  get #isOver(): boolean {
    return this.#res.destroyed || this.#res.writableEnded;
  }

  cut(): void {
    this.#res.destroy();
  }

  /** Says a last word. Resolves when that is on its way, or nobody is there. */
  end(frame: string): Promise<void> {
    this.#flush();
    return new Promise((resolve) => {
      this.#res.once('close', resolve);
      if (this.#isOver) resolve();
      else this.#res.end(frame);
    });
  }

  #flush(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (gathered.length > 0 && !this.#isOver) this.#res.write(Buffer.concat(gathered));
  }
}
