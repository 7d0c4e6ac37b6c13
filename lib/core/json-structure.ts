const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** In ASCII `}` and `]` come two after `{` and `[`. */
const FROM_OPEN_TO_CLOSE = 2;
/** Deeper than any request is, and within what the parsers of the consumers bear (Python's about 1000). */
const MAX_DEPTH = 512;

/** What may come next in a JSON object. */
type Next = 'object' | 'first key' | 'key' | 'colon' | 'first value' | 'value' | 'comma' | 'nothing';

const WORDS: Readonly<Record<Next, string>> = {
  object: 'an opening brace',
  'first key': 'a key in double quotes or a closing brace',
  key: 'a key in double quotes',
  colon: 'a colon',
  'first value': 'a value or a closing bracket',
  value: 'a value',
  comma: 'a comma or a closing bracket',
  nothing: 'nothing more',
};

/** The grammar of a JSON object, token by token. Each token returns false where it must not stand; then nothing has changed. */
export class JsonStructure {
  readonly #open: number[] = [];
  #next: Next = 'object';

  /** How many braces and brackets are open. */
  get depth(): number {
    return this.#open.length;
  }

  get isWhole(): boolean {
    return this.#next === 'nothing';
  }

  /** Within a string: it is a key. */
  get isAfterKey(): boolean {
    return this.#next === 'colon';
  }

  get expectsValue(): boolean {
    return this.#next === 'value' || this.#next === 'first value';
  }

  /** What was expected, in words. */
  get expected(): string {
    return this.expectsValue && this.depth >= MAX_DEPTH ? `no more than ${MAX_DEPTH} levels` : WORDS[this.#next];
  }

  /** A string begins: a key or a value. */
  string(): boolean {
    if (this.#next !== 'key' && this.#next !== 'first key') return this.scalar();
    this.#next = 'colon';
    return true;
  }

  /** A value begins that has no members of its own. */
  scalar(): boolean {
    if (!this.expectsValue) return false;
    this.#next = 'comma';
    return true;
  }

  open(byte: number): boolean {
    const isAllowed = this.#next === 'object' ? byte === OPEN_BRACE : this.expectsValue && this.depth < MAX_DEPTH;
    if (!isAllowed) return false;
    this.#open.push(byte);
    this.#next = byte === OPEN_BRACE ? 'first key' : 'first value';
    return true;
  }

  close(byte: number): boolean {
    const mayClose = this.#next === 'comma' || this.#next === 'first key' || this.#next === 'first value';
    if (!mayClose || byte - FROM_OPEN_TO_CLOSE !== this.#open.at(-1)) return false;
    this.#open.pop();
    this.#next = this.depth === 0 ? 'nothing' : 'comma';
    return true;
  }

  colon(): boolean {
    if (this.#next !== 'colon') return false;
    this.#next = 'value';
    return true;
  }

  comma(): boolean {
    if (this.#next !== 'comma') return false;
    this.#next = this.#open.at(-1) === OPEN_BRACKET ? 'value' : 'key';
    return true;
  }
}
