/** Keeps offsets right where bytes are no UTF-8, and a byte order mark that is content. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Room to begin with; most names and values fit. */
const FIRST_ROOM = 64;
/** Looking at so many bytes costs as much as a native search does to begin with. */
const NEAR = 24;

/** Copies of the first bytes of one stretch of a body that comes in chunks. Used again and again by its scanner. */
export class KeptBytes {
  readonly #most: number;
  #bytes = new Uint8Array(FIRST_ROOM);
  #length = 0;

  /** `most`: bytes beyond this are not kept. */
  constructor(most: number) {
    this.#most = most;
  }

  clear(): void {
    this.#length = 0;
  }

  take(bytes: Uint8Array): void {
    const taken = bytes.subarray(0, this.#most - this.#length);
    if (taken.length === 0) return;
    this.#makeRoomFor(this.#length + taken.length);
    this.#bytes.set(taken, this.#length);
    this.#length += taken.length;
  }

  /** The first `length` bytes of the stretch as text; null: more than are kept. */
  text(length: number): string | null {
    return length > this.#most ? null : UTF8.decode(this.#bytes.subarray(0, length));
  }

  #makeRoomFor(length: number): void {
    if (length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.min(this.#most, Math.max(length, 2 * this.#bytes.length)));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Where `byte` comes next, at `from` or later; the chunk's length if it does not. */
export function nextOf(chunk: Uint8Array, byte: number, from: number): number {
  const near = Math.min(from + NEAR, chunk.length);
  for (let at = from; at < near; at += 1) if (chunk[at] === byte) return at;
  const found = near === chunk.length ? -1 : chunk.indexOf(byte, near);
  return found === -1 ? chunk.length : found;
}
