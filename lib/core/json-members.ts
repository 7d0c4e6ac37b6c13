import { KeptBytes } from './kept-bytes.ts';

/** One member of the top-level object. Offsets in bytes within the body. */
export interface JsonMember {
  /** Decoded: `"mod\u0065l"` is `model`. */
  readonly name: string;
  /** Of the key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** Exclusive. */
  readonly valueEnd: number;
  /** The value as JSON; null: more than 4096 bytes. Its numbers and words need not be valid. */
  readonly text: string | null;
}

const MAX_MEMBERS = 1000;
const MAX_KEY_BYTES = 1024;
const MAX_TEXT_BYTES = 4096;

/** Notes the members of a JSON object while a scanner goes through it. `at` and `to` are places in the chunk under way. */
export class JsonMembers {
  readonly #found: JsonMember[] = [];
  readonly #key = new KeptBytes(MAX_KEY_BYTES + 2);
  readonly #value = new KeptBytes(MAX_TEXT_BYTES);
  /** The key or the value that is being noted, and from where on in the chunk. */
  #keeping: KeptBytes | null = null;
  #keepFrom = 0;
  /** Of the chunk under way, within the body. */
  #offset = 0;
  #name = '';
  #start = 0;
  #valueStart = 0;

  get found(): readonly JsonMember[] {
    return this.#found;
  }

  get offset(): number {
    return this.#offset;
  }

  /** To be called with each chunk once it has been gone through. */
  endChunk(chunk: Uint8Array): void {
    this.#keeping?.take(chunk.subarray(this.#keepFrom));
    this.#keepFrom = 0;
    this.#offset += chunk.length;
  }

  beginKey(at: number): void {
    this.#start = this.#offset + at;
    this.#keep(this.#key, at);
  }

  /** Returns what is wrong with the key, or null. */
  endKey(chunk: Uint8Array, to: number): string | null {
    this.#endKeeping(chunk, to);
    const text = this.#key.text(this.#offset + to - this.#start);
    if (text === null) return `the key at byte ${this.#start} is longer than ${MAX_KEY_BYTES} bytes`;
    if (this.#found.length >= MAX_MEMBERS) return `it has more than ${MAX_MEMBERS} members`;
    const name = stringOf(text);
    if (name === null) return `the key at byte ${this.#start} is not a valid string`;
    this.#name = name;
    return null;
  }

  beginValue(at: number): void {
    this.#valueStart = this.#offset + at;
    this.#keep(this.#value, at);
  }

  endValue(chunk: Uint8Array, to: number): void {
    this.#endKeeping(chunk, to);
    const valueEnd = this.#offset + to;
    const text = this.#value.text(valueEnd - this.#valueStart);
    this.#found.push({ name: this.#name, start: this.#start, valueStart: this.#valueStart, valueEnd, text });
  }

  #keep(kept: KeptBytes, at: number): void {
    kept.clear();
    this.#keeping = kept;
    this.#keepFrom = at;
  }

  #endKeeping(chunk: Uint8Array, to: number): void {
    this.#keeping?.take(chunk.subarray(this.#keepFrom, to));
    this.#keeping = null;
  }
}

/** The string that a JSON text is; null: it is none. */
export function stringOf(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
