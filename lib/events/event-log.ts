import type { Clock } from '../clock.ts';
import type { BrokerEvent, Occurrence, Witness } from '../core/events.ts';
import { WallStamp } from '../core/wall-stamp.ts';

/** So many are kept. A busy broker makes some thousand an hour, and a watcher that comes back after a restart of its own asks for the last minutes. */
const KEPT = 2000;

/** The newest events, in memory, and those who are told of each. */
export class EventLog implements Witness {
  readonly #clock: Clock;
  readonly #kept: BrokerEvent[] = [];
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  /** Where the oldest is once the log is full. */
  #oldest = 0;
  #lastId = 0;
  readonly #stamp = new WallStamp();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The id of the newest event; 0: there is none yet. */
  get lastId(): number {
    return this.#lastId;
  }

  note(occurrence: Occurrence): void {
    this.#lastId += 1;
    const event: BrokerEvent = { ...occurrence, id: this.#lastId, time: this.#stamp.of(this.#clock.wall()) };
    this.#kept[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % KEPT;
    for (const listener of this.#listeners) listener(event);
  }

  /** What came after the event `id`, oldest first; null: some of that is no longer kept, or there has been no such event. */
  since(id: number): readonly BrokerEvent[] | null {
    return this.keeps(id) ? this.all().slice(this.#kept.length - (this.#lastId - id)) : null;
  }

  /** Whether all that came after the event `id` is kept. */
  keeps(id: number): boolean {
    return id <= this.#lastId && this.#lastId - id <= this.#kept.length;
  }

  /** All that is kept, oldest first. */
  all(): readonly BrokerEvent[] {
    return this.#kept.length < KEPT ? [...this.#kept] : [...this.#kept.slice(this.#oldest), ...this.#kept.slice(0, this.#oldest)];
  }

  /** Tells `listener` of each event from now on. Returns how to stop that. */
  listen(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
