import { KeptBytes } from './kept-bytes.ts';
import { readPartHeaders } from './part-headers.ts';
import type { PartHeaders } from './part-headers.ts';

/** One part of a form. Offsets in bytes within the body. */
export interface FormPart {
  readonly name: string;
  /** null: it is a field, not a file. */
  readonly fileName: string | null;
  /** Of its delimiter line, `--boundary`. */
  readonly start: number;
  readonly valueStart: number;
  /** Exclusive; the line break after it belongs to the next delimiter. */
  readonly valueEnd: number;
  /** The value of a field; null: a file, more than 64 KiB, or in base64 or the like. */
  readonly text: string | null;
}

const MAX_PARTS = 1000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_TEXT_BYTES = 64 * 1024;
/** For the headers and values of one form together, as a thousand of the largest would be 80 MiB. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** Two line breaks end the headers. */
const END_BYTES = 4;

/** Notes the parts of a form while a scanner goes through it. All offsets are within the body; who finds a fault returns it as a reason. */
export class FormParts {
  readonly #found: FormPart[] = [];
  readonly #headerBytes = new KeptBytes(MAX_HEADER_BYTES + END_BYTES);
  readonly #textBytes = new KeptBytes(MAX_TEXT_BYTES);
  /** Which of them is being filled. */
  #keeping: KeptBytes | null = null;
  #room = MAX_KEPT_BYTES;
  /** null: before the first part. */
  #headers: PartHeaders | null = null;
  /** Of its delimiter line, its headers and its value. */
  #start = 0;
  #headersStart = 0;
  #valueStart = 0;

  get found(): readonly FormPart[] {
    return this.#found;
  }

  /** The next bytes of what has begun. */
  take(bytes: Uint8Array): void {
    this.#keeping?.take(bytes);
  }

  /** `start` is that of the delimiter line. */
  beginHeaders(start: number, headersStart: number): string | null {
    this.#start = start;
    this.#headersStart = headersStart;
    this.#keep(this.#headerBytes);
    return this.#found.length >= MAX_PARTS ? `it has more than ${MAX_PARTS} parts` : null;
  }

  /** Where the headers end the value begins. */
  endHeaders(end: number): string | null {
    this.#valueStart = end;
    const text = this.#textOf(this.#headerBytes, Math.max(0, end - this.#headersStart - END_BYTES));
    if (text === null) return `the headers of the part at byte ${this.#start} are too large`;
    const headers = readPartHeaders(text);
    if (headers.type === 'fault') return `${headers.reason} (the part at byte ${this.#start})`;
    this.#headers = headers;
    this.#keep(this.#textBytes);
    if (headers.fileName !== null || headers.isEncoded) this.#keeping = null;
    return null;
  }

  /** To be called at every delimiter, also at the first, where there is no value before it. */
  endValue(valueEnd: number): string | null {
    if (this.#headers === null) return null;
    // The line break before it is the one that ends the headers: some readers take it for a delimiter, and some for content.
    if (valueEnd < this.#valueStart) return `the part at byte ${this.#start} has the boundary where its value should be`;
    const text = this.#keeping === null ? null : this.#textOf(this.#textBytes, valueEnd - this.#valueStart);
    const { name, fileName } = this.#headers;
    this.#found.push({ name, fileName, start: this.#start, valueStart: this.#valueStart, valueEnd, text });
    return null;
  }

  #keep(kept: KeptBytes): void {
    kept.clear();
    this.#keeping = kept;
  }

  /** null: longer than it may be. */
  #textOf(kept: KeptBytes, length: number): string | null {
    const text = length > this.#room ? null : kept.text(length);
    if (text !== null) this.#room -= length;
    return text;
  }
}
