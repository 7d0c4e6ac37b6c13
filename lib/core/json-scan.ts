import { JsonMembers } from './json-members.ts';
import type { JsonMember } from './json-members.ts';
import { JsonStructure } from './json-structure.ts';
import { nextOf } from './kept-bytes.ts';

export type { JsonMember } from './json-members.ts';

/** A body that is a JSON object. Offsets in bytes. */
export interface JsonObjectScan {
  readonly type: 'object';
  /** Of its `{`. */
  readonly open: number;
  /** Of its `}`. */
  readonly close: number;
  readonly members: readonly JsonMember[];
}

/** A body that is not what it should be. */
export interface ScanFault {
  readonly type: 'fault';
  /** A sentence for the client. */
  readonly message: string;
}

/** What a JSON body says. */
export type JsonScan = JsonObjectScan | ScanFault;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** At its very beginning a body may have it, as Python's parser takes it too. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** Bytes of numbers and words: letters, digits, `+`, `-` and `.`. */
const SCALAR = Uint8Array.from({ length: 256 }, (_, byte) => (/[-+.0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : 0));

/**
 * Finds the members of the JSON object that a body is, while the body arrives. Checks its structure and not its values; skips what is long
 * at the speed of a native search, and keeps only offsets and short texts.
 */
export class JsonScanner {
  readonly #structure = new JsonStructure();
  readonly #members = new JsonMembers();
  #message: string | null = null;
  /** What the next byte belongs to. */
  #within: 'nothing' | 'string' | 'scalar' = 'nothing';
  /** Within a string: the next byte follows an odd number of backslashes. */
  #isEscaped = false;
  #open = 0;
  #close = 0;

  /** Takes the next bytes, cut anywhere. Keeps no part of the chunk itself; does nothing after a fault. */
  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.#message === null) {
      if (this.#within === 'string') at = this.#throughString(chunk, at);
      else if (this.#within === 'scalar') at = this.#throughScalar(chunk, at);
      else at = this.#token(chunk, at);
    }
    if (this.#message === null) this.#members.endChunk(chunk);
  }

  /** What there was; to be called once all has been fed. */
  end(): JsonScan {
    if (this.#message === null && !this.#structure.isWhole) {
      this.#fault(`expected ${this.#structure.expected}, got the end at byte ${this.#members.offset}`);
    }
    if (this.#message !== null) return { type: 'fault', message: this.#message };
    return { type: 'object', open: this.#open, close: this.#close, members: this.#members.found };
  }

  /** Like all that go through a chunk: returns where to go on in it. */
  #token(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] ?? 0;
    switch (byte) {
      case 0x20: case 0x09: case 0x0a: case 0x0d: break;
      case QUOTE: this.#begin('string', at); break;
      case 0x7b: case 0x5b: this.#opened(byte, at); break;
      case 0x7d: case 0x5d: this.#closed(chunk, at); break;
      case 0x3a: this.#check(this.#structure.colon(), at); break;
      case 0x2c: this.#check(this.#structure.comma(), at); break;
      default:
        if (SCALAR[byte] === 1) this.#begin('scalar', at);
        else this.#check(byte === BYTE_ORDER_MARK[this.#members.offset + at], at);
    }
    return at + 1;
  }

  #begin(what: 'string' | 'scalar', at: number): void {
    if (!this.#check(what === 'string' ? this.#structure.string() : this.#structure.scalar(), at)) return;
    this.#within = what;
    if (this.#structure.depth !== 1) return;
    if (this.#structure.isAfterKey) this.#members.beginKey(at);
    else this.#members.beginValue(at);
  }

  #opened(byte: number, at: number): void {
    if (!this.#check(this.#structure.open(byte), at)) return;
    if (this.#structure.depth === 1) this.#open = this.#members.offset + at;
    else if (this.#structure.depth === 2) this.#members.beginValue(at);
  }

  #closed(chunk: Uint8Array, at: number): void {
    if (!this.#check(this.#structure.close(chunk[at] ?? 0), at)) return;
    if (this.#structure.isWhole) this.#close = this.#members.offset + at;
    else this.#endValue(chunk, at + 1);
  }

  #throughString(chunk: Uint8Array, from: number): number {
    const quote = nextOf(chunk, QUOTE, from);
    const isEscaped = this.#isEscapedAt(chunk, from, quote);
    const isCut = quote === chunk.length;
    this.#isEscaped = isCut && isEscaped;
    if (!isCut && !isEscaped) this.#endString(chunk, quote + 1);
    return quote + 1;
  }

  /** Whether the byte at `to` follows an odd number of backslashes. Looks at no byte twice: `#isEscaped` stands for all before `from`. */
  #isEscapedAt(chunk: Uint8Array, from: number, to: number): boolean {
    let at = to;
    while (at > from && chunk[at - 1] === BACKSLASH) at -= 1;
    const isOdd = (to - at) % 2 === 1;
    return at === from ? isOdd !== this.#isEscaped : isOdd;
  }

  #endString(chunk: Uint8Array, to: number): void {
    this.#within = 'nothing';
    if (!this.#structure.isAfterKey) this.#endValue(chunk, to);
    else if (this.#structure.depth === 1) this.#fault(this.#members.endKey(chunk, to));
  }

  #throughScalar(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && SCALAR[chunk[at] ?? 0] === 1) at += 1;
    if (at === chunk.length) return at;
    this.#within = 'nothing';
    this.#endValue(chunk, at);
    return at;
  }

  #endValue(chunk: Uint8Array, to: number): void {
    if (this.#structure.depth === 1) this.#members.endValue(chunk, to);
  }

  #check(isAllowed: boolean, at: number): boolean {
    if (!isAllowed) this.#fault(`expected ${this.#structure.expected} at byte ${this.#members.offset + at}`);
    return isAllowed;
  }

  /** null: there is none. */
  #fault(reason: string | null): void {
    if (reason !== null) this.#message = `the body is not a JSON object: ${reason}`;
  }
}
