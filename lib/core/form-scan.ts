import { ByteFinder } from './byte-finder.ts';
import { FormParts } from './form-parts.ts';
import type { FormPart } from './form-parts.ts';
import { parametrized } from './header-parameters.ts';
import type { ScanFault } from './json-scan.ts';

export type { FormPart } from './form-parts.ts';

/** A body that is a form. */
export interface WholeFormScan {
  readonly type: 'form';
  readonly parts: readonly FormPart[];
  /** Offset of the closing delimiter, `--boundary--`, in bytes. */
  readonly close: number;
}

/** What a multipart body says. */
export type FormScan = WholeFormScan | ScanFault;

/** Where in a form the next byte is. The content is that of a part, or what stands before the first. */
type State = 'content' | 'delimiter' | 'padding' | 'closing' | 'line end' | 'headers' | 'epilogue';

const SPACE = 0x20;
const TAB = 0x09;
const DASH = 0x2d;
const CR = 0x0d;
const LF = 0x0a;
/** What may come after a boundary, byte by byte. Anything else some readers take for content, and some for a delimiter. */
const AFTER_BOUNDARY: Readonly<Partial<Record<State, Readonly<Record<number, State>>>>> = {
  delimiter: { [DASH]: 'closing', [SPACE]: 'padding', [TAB]: 'padding', [CR]: 'line end' },
  padding: { [SPACE]: 'padding', [TAB]: 'padding', [CR]: 'line end' },
  closing: { [DASH]: 'epilogue' },
  'line end': { [LF]: 'headers' },
};
const LINE_BREAK = '\r\n';
/** RFC 2046: at most 70 characters, and no space at the end. */
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;

/** The boundary that the Content-Type of a form names; null: not a form, or none that can be used. */
export function boundaryIn(contentType: string): string | null {
  const type = parametrized(contentType);
  const boundary = type?.parameters.get('boundary') ?? '';
  return type?.value === 'multipart/form-data' && BOUNDARY.test(boundary) ? boundary : null;
}

/** Finds the parts of a form while the body arrives, at the speed of a native search. Keeps only offsets, names and short texts. */
export class FormScanner {
  readonly #parts = new FormParts();
  readonly #delimiter: ByteFinder;
  readonly #headersEnd: ByteFinder;
  /** Dashes and boundary, without the line break before them. */
  readonly #dashedLength: number;
  #state: State = 'content';
  #message: string | null = null;
  /** Of the chunk under way, within the body. */
  #offset = 0;
  /** Of the last delimiter line. */
  #start = 0;

  /** `boundary` as `boundaryIn` gives it. */
  constructor(boundary: string) {
    this.#dashedLength = boundary.length + 2;
    this.#delimiter = new ByteFinder(bytesOf(`${LINE_BREAK}--${boundary}`));
    this.#headersEnd = new ByteFinder(bytesOf(LINE_BREAK + LINE_BREAK));
    this.#delimiter.restart(LINE_BREAK.length);
  }

  /** Takes the next bytes, cut anywhere. Keeps no part of the chunk itself; does nothing after a fault. */
  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.#message === null && this.#state !== 'epilogue') {
      if (this.#state === 'content') at = this.#throughContent(chunk, at);
      else if (this.#state === 'headers') at = this.#throughHeaders(chunk, at);
      else at = this.#throughDelimiter(chunk[at] ?? 0, at);
    }
    this.#offset += chunk.length;
  }

  /** What there was; to be called once all has been fed. */
  end(): FormScan {
    if (this.#message === null && this.#state !== 'epilogue') this.#fault(`it ends at byte ${this.#offset}, before its closing delimiter`);
    if (this.#message !== null) return { type: 'fault', message: this.#message };
    return { type: 'form', parts: this.#parts.found, close: this.#start };
  }

  /** Like all that go through a chunk: returns where to go on in it. */
  #throughContent(chunk: Uint8Array, from: number): number {
    const found = this.#delimiter.find(chunk, from);
    const to = found === -1 ? chunk.length : found;
    this.#parts.take(chunk.subarray(from, to));
    if (found === -1) return to;
    this.#start = this.#offset + found - this.#dashedLength;
    this.#state = 'delimiter';
    this.#fault(this.#parts.endValue(this.#start - LINE_BREAK.length));
    return to;
  }

  #throughDelimiter(byte: number, at: number): number {
    const next = AFTER_BOUNDARY[this.#state]?.[byte];
    if (next === undefined) this.#fault(`after the boundary at byte ${this.#start} comes neither a line break nor two dashes`);
    else this.#state = next;
    if (next === 'headers') this.#beginHeaders(this.#offset + at + 1);
    return at + 1;
  }

  #beginHeaders(offset: number): void {
    // The line break of the delimiter counts: a part may have no headers.
    this.#headersEnd.restart(LINE_BREAK.length);
    this.#fault(this.#parts.beginHeaders(this.#start, offset));
  }

  #throughHeaders(chunk: Uint8Array, from: number): number {
    const found = this.#headersEnd.find(chunk, from);
    const to = found === -1 ? chunk.length : found;
    this.#parts.take(chunk.subarray(from, to));
    if (found === -1) return to;
    this.#state = 'content';
    this.#delimiter.restart(LINE_BREAK.length);
    this.#fault(this.#parts.endHeaders(this.#offset + found));
    return to;
  }

  /** null: there is none. */
  #fault(reason: string | null): void {
    if (reason !== null) this.#message = `the body is not a form: ${reason}`;
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
