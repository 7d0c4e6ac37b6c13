import { randomUUID } from 'node:crypto';
import { KeptLine, MOST_LINES } from '../core/log-lines.ts';
import type { LogLevel } from '../core/log-lines.ts';

/** Somebody who is told of each new line. */
export interface LogFollower {
  line(line: KeptLine): void;
  /** There will be no more. */
  end(): void;
}

/** The newest lines of the log, in memory, and those who are told of each. */
export class LogLines {
  /** Differs in each run, as the lines' numbers begin anew. */
  readonly boot = randomUUID();
  readonly #kept: KeptLine[] = [];
  readonly #followers = new Set<LogFollower>();
  /** Where the oldest is once it is full. */
  #oldest = 0;
  #lastId = 0;
  #isClosed = false;

  /** Takes a line of `lineText` that is being written. Never throws. */
  note(level: LogLevel, text: string): void {
    this.#lastId += 1;
    const line = new KeptLine(this.#lastId, level, text);
    this.#kept[this.#oldest] = line;
    this.#oldest = (this.#oldest + 1) % MOST_LINES;
    for (const follower of this.#followers) follower.line(line);
  }

  /** All that is kept, oldest first. */
  all(): readonly KeptLine[] {
    return this.#kept.length < MOST_LINES ? [...this.#kept] : [...this.#kept.slice(this.#oldest), ...this.#kept.slice(0, this.#oldest)];
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** No more followers are taken. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Tells `follower` of each line from now on. Returns how to stop that. */
  follow(follower: LogFollower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Lets all followers go: a shutdown waits for nobody who only looks. */
  close(): void {
    this.#isClosed = true;
    this.dismiss();
  }

  /** Ends all that follow, who may come back: who may read has changed. */
  dismiss(): void {
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }
}
