import { nextOf } from './kept-bytes.ts';

/** Finds a line break and what comes after it in a body that comes in chunks, cut anywhere. */
export class ByteFinder {
  readonly #needle: Uint8Array;
  readonly #first: number;
  #matched = 0;

  /**
   * `needle` begins with a carriage return, and has others only where two line breaks follow each other. So where a byte differs, a
   * new beginning can only be that byte itself, and nothing has to be looked at twice.
   */
  constructor(needle: Uint8Array) {
    this.#needle = needle;
    this.#first = needle[0] ?? 0;
  }

  /** Begins to look; `seen` bytes of the needle came just before. */
  restart(seen: number): void {
    this.#matched = seen;
  }

  /** The place behind the needle, in `chunk` from `from` on; -1: not there yet. */
  find(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#matched === 0) at = nextOf(chunk, this.#first, at);
      at = this.#match(chunk, at);
      if (this.#matched === this.#needle.length) return at;
    }
    return -1;
  }

  /** Goes on as long as bytes match, or one of them is a new beginning. */
  #match(chunk: Uint8Array, from: number): number {
    let at = from;
    let matched = this.#matched;
    do {
      const byte = chunk[at];
      if (byte === undefined) break;
      matched = byte === this.#needle[matched] ? matched + 1 : byte === this.#first ? 1 : 0;
      at += 1;
    } while (matched > 0 && matched < this.#needle.length);
    this.#matched = matched;
    return at;
  }
}
