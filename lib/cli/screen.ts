import type { ReadStream, WriteStream } from 'node:tty';
import type { Env } from '../config/env.ts';

/** The second screen of a terminal, on which nothing scrolls; no cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
/** Clears what is right of the end of a line, and below the last one: less flicker than clearing first and drawing later. */
const CLEAR_RIGHT = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Of a terminal, in characters. */
export const USUAL_SIZE = { width: 80, height: 24 } as const;

/** What a screen tells. */
export interface ScreenListener {
  /** A key was pressed; control characters as they come. */
  key(key: string): void;
  /** It has another size, or has to be drawn anew. */
  resized(): void;
  /** Nobody is there any more. */
  hungUp(): void;
}

/** A whole terminal to draw on. What it changes of the terminal is undone on every way out of the process. */
export class Screen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #listener: ScreenListener | null = null;
  #drawn = '';

  constructor(input: ReadStream = process.stdin, output: WriteStream = process.stdout) {
    this.#input = input;
    this.#output = output;
  }

  /** Both sides are a terminal. */
  get isThere(): boolean {
    return this.#input.isTTY && this.#output.isTTY;
  }

  /** A terminal that does not say its size (a serial line) has the usual one. */
  get width(): number {
    return this.#output.columns || USUAL_SIZE.width;
  }

  get height(): number {
    return this.#output.rows || USUAL_SIZE.height;
  }

  get isOpen(): boolean {
    return this.#listener !== null;
  }

  open(listener: ScreenListener): void {
    this.#listener = listener;
    process.on('exit', this.#restore);
    // Else the stack of a bug would be written where nobody can read it.
    process.on('uncaughtExceptionMonitor', this.#restore);
    process.on('SIGCONT', this.#redraw);
    this.#output.on('resize', this.#redraw).on('error', this.#onGone);
    this.#input.setRawMode(true);
    this.#input.setEncoding('utf8').on('data', this.#onData).on('end', this.#onGone).on('error', this.#onGone).resume();
    this.#output.write(ENTER);
  }

  close(): void {
    if (this.#listener === null) return;
    this.#restore();
    process.off('exit', this.#restore).off('uncaughtExceptionMonitor', this.#restore).off('SIGCONT', this.#redraw);
    this.#output.off('resize', this.#redraw);
    this.#input.off('data', this.#onData).off('end', this.#onGone).pause();
  }

  /** Shows these lines and nothing else. What a slow line has not taken yet is not drawn over. */
  draw(lines: readonly string[]): void {
    const text = HOME + lines.map((line) => line + CLEAR_RIGHT).join('\r\n') + CLEAR_BELOW;
    if (this.#listener === null || text === this.#drawn || this.#output.writableNeedDrain) return;
    this.#drawn = text;
    this.#output.write(text);
  }

  readonly #restore = (): void => {
    if (this.#listener === null) return;
    this.#listener = null;
    try {
      this.#input.setRawMode(false);
      this.#output.write(LEAVE);
    } catch {
      // The terminal is gone, and with it what there was to undo.
    }
  };

  readonly #redraw = (): void => {
    this.#drawn = '';
    this.#listener?.resized();
  };

  readonly #onData = (text: string | Buffer): void => {
    for (const key of String(text)) this.#listener?.key(key);
  };

  readonly #onGone = (): void => {
    this.#listener?.hungUp();
  };
}

/** Whether a terminal is to be spared what ASCII has not: it says so itself, or its language is in no UTF-8. */
export function wantsAscii({ LC_ALL, LC_CTYPE, LANG, TERM }: Env): boolean {
  return TERM === 'dumb' || !/utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}
