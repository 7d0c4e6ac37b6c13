import { isRecord } from './records.ts';

/** The levels of log lines, the gravest first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a logger writes: time, level and message, and the fields beside them. */
export interface LogEntry {
  /** Wall clock, ISO 8601. */
  readonly timestamp: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** An entry as one line of JSON, as it is written and kept. Never throws. */
export function lineText(entry: LogEntry): string {
  try {
    return printable(JSON.stringify(entry));
  } catch (error) {
    // A field that is a circle or a BigInt is a bug, but no reason to lose the line, or the process.
    const { timestamp, level, message } = entry;
    return printable(JSON.stringify({ timestamp, level, message, unwritable: String(error) }));
  }
}

/** Controls, and what changes the direction of a text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Most lines, and quick to see. */
const PLAIN = /^[ -~]*$/;

/** Control characters never reach a terminal: it would obey them. What is written instead means the same in JSON. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNPRINTABLE, (odd) => odd.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''));
}

/** So much of a text in a line is kept; only paths that clients make up are longer. Characters. */
const LONGEST_TEXT = 2048;

/**
 * A line as it is kept: with its place in the order, and its text. An object with all its fields would be several times as large, and
 * thousands of them keep the garbage collector busy.
 */
export class KeptLine {
  /** Rises by one with each line of this run of the broker, from 1. */
  readonly id: number;
  readonly level: LogLevel;
  readonly #text: string;
  #json: string | null = null;

  /** @param text of `lineText` */
  constructor(id: number, level: LogLevel, text: string) {
    this.id = id;
    this.level = level;
    this.#text = text.length > LONGEST_TEXT ? bounded(text) : text;
  }

  /** `{id, time, level, message, fields}`, made when somebody asks. */
  get json(): string {
    if (this.#json === null) {
      const entry: unknown = JSON.parse(this.#text);
      const { timestamp: time, level, message, ...fields } = isRecord(entry) ? entry : {};
      this.#json = JSON.stringify({ id: this.id, time, level, message, fields });
    }
    return this.#json;
  }
}

/** A line whose texts are short enough to be kept by the thousand. */
function bounded(text: string): string {
  const shorten = (_key: string, value: unknown): unknown => (typeof value === 'string' && value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
  return JSON.stringify(JSON.parse(text), shorten);
}

/** Which lines somebody wants to see. */
export interface LogQuery {
  /** Stay, and be told of each new line. */
  readonly follow: boolean;
  /** So many of the newest ones that match. */
  readonly n: number;
  /** This level and graver ones. */
  readonly level: LogLevel;
  /** Lines that have this text anywhere, in any case; empty: all. */
  readonly grep: string;
}

/** As many as are kept. */
export const MOST_LINES = 2000;
const DEFAULT_LINES = 100;
const LONGEST_GREP = 200;

/** Reads the query of `GET /v1/logs`. `fault`: what was expected of which parameter. */
export function readLogQuery(query: Readonly<Record<string, unknown>>): { readonly query: LogQuery } | { readonly fault: string } {
  const { follow = '0', n = String(DEFAULT_LINES), level: levelName = 'debug', grep = '', ...others } = query;
  const [unknown] = Object.keys(others);
  const level = LOG_LEVELS.find((each) => each === levelName);
  if (unknown !== undefined) return { fault: `${JSON.stringify(unknown)} is not known here; there are follow, n, level, grep` };
  if (follow !== '0' && follow !== '1') return { fault: 'expected 0 or 1 for follow' };
  if (typeof n !== 'string' || !/^\d{1,4}$/.test(n) || Number(n) > MOST_LINES) return { fault: `expected a number from 0 to ${MOST_LINES} for n` };
  if (level === undefined) return { fault: `expected one of ${LOG_LEVELS.join(', ')} for level` };
  if (typeof grep !== 'string' || grep.length > LONGEST_GREP) return { fault: `expected a text of at most ${LONGEST_GREP} characters for grep, once` };
  return { query: { follow: follow === '1', n: Number(n), level, grep: grep.toLowerCase() } };
}

/** Whether a line is among those that are wanted. */
export function isWanted(line: KeptLine, { level, grep }: LogQuery): boolean {
  if (LOG_LEVELS.indexOf(line.level) > LOG_LEVELS.indexOf(level)) return false;
  return grep === '' || line.json.toLowerCase().includes(grep);
}

/** Of lines, oldest first, the newest ones that are wanted: at most as many as asked for, and together no longer than `longest` characters. */
export function newestWanted(lines: readonly KeptLine[], query: LogQuery, longest = Infinity): KeptLine[] {
  const found: KeptLine[] = [];
  let length = 0;
  for (let index = lines.length - 1; index >= 0 && found.length < query.n; index -= 1) {
    const line = lines[index];
    if (line === undefined || !isWanted(line, query)) continue;
    length += line.json.length;
    if (length > longest) break;
    found.push(line);
  }
  return found.reverse();
}

/** A line as an event of a stream. */
export function lineEvent(boot: string, line: KeptLine): string {
  return `event: line\nid: ${boot}-${line.id}\ndata: ${line.json}\n\n`;
}

/** The number of the line after which a reader wants to go on, from its `Last-Event-ID`; null: it has none of this run. */
export function lineSeen(boot: string, lastEventId: string | undefined): number | null {
  if (lastEventId?.startsWith(`${boot}-`) !== true) return null;
  const number = lastEventId.slice(boot.length + 1);
  return /^\d{1,15}$/.test(number) ? Number(number) : null;
}
