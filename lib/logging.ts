import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import winston from 'winston';
import { LOG_LEVELS } from './core/log-lines.ts';
import type { LogEntry, LogLevel } from './core/log-lines.ts';
import type { Logger } from './logger.ts';

/** Where lines go. */
export interface LogTarget extends NodeJS.EventEmitter {
  write(text: string): boolean;
  readonly writableLength: number;
  readonly isTTY?: boolean;
}

/** More than this waiting in the target means that nobody reads it; further lines are dropped and counted. Bytes. */
const LARGEST_BACKLOG = 1024 * 1024;

/**
 * Writes lines to a target that may be full, slow or gone. Nothing that happens to it is ever thrown, waited for or kept in
 * memory without bound: a full disk must not stop the service, nor its exit.
 */
export class LineSink extends Writable {
  readonly #target: LogTarget;
  #dropped = 0;
  /** Lost if the last write fails; a target may say so later, by an error event. */
  #atStake = 0;

  constructor(target: LogTarget) {
    super({ decodeStrings: false });
    this.#target = target;
    target.on('error', () => (this.#dropped += this.#atStake));
  }

  /** Lines lost since the last one that got through. */
  get dropped(): number {
    return this.#dropped;
  }

  override _write(line: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#take(String(line), 1);
    done();
  }

  /** Many lines cost one system call. */
  override _writev(lines: readonly { readonly chunk: string | Buffer }[], done: () => void): void {
    this.#take(lines.map(({ chunk }) => String(chunk)).join(''), lines.length);
    done();
  }

  #take(text: string, lines: number): void {
    if (this.#target.writableLength > LARGEST_BACKLOG) {
      this.#dropped += lines;
      return;
    }
    const lost = this.#dropped;
    this.#dropped = 0;
    this.#atStake = lines + lost;
    this.#put(lost === 0 ? text : droppedLine(lost) + text);
  }

  #put(text: string): void {
    try {
      this.#target.write(text);
    } catch {
      this.#dropped += this.#atStake;
    }
  }
}

function droppedLine(lines: number): string {
  return `${JSON.stringify({ timestamp: new Date().toISOString(), level: 'warn', message: 'log lines were dropped', lines })}\n`;
}

/** Keeps lines for those who read along. */
export interface LineKeeper {
  /** Must be quick, and must not throw. */
  note(entry: LogEntry): void;
}

/** Lines are gathered for so long, so that under load many cost one system call. ms. */
const GATHER_MS = 50;

/**
 * A logger that writes JSON lines, or readable ones to a terminal. Lines are gathered for a moment and written together, off
 * the way of any request. Warnings and errors are written at once, with all before them; what waits is written at the exit. `keeper` is
 * told of each line when it is written.
 */
export function createLogger(target: LogTarget, level: LogLevel, keeper?: LineKeeper): Logger & { setLevel(level: LogLevel): void } {
  const sink = new LineSink(target);
  const logger = winston.createLogger({
    level,
    format: winston.format.printf(target.isTTY === true ? readableLine : jsonLine),
    transports: [new winston.transports.Stream({ stream: sink })],
    exitOnError: false,
  });
  let shown = LOG_LEVELS.indexOf(level);
  let waiting: LogEntry[] = [];
  const flush = (): void => {
    const entries = waiting;
    waiting = [];
    sink.cork();
    for (const entry of entries) logger.log(entry);
    sink.uncork();
    if (keeper !== undefined) for (const entry of entries) keeper.note(entry);
  };
  process.once('exit', flush);
  const write = (severity: LogLevel) => {
    const rank = LOG_LEVELS.indexOf(severity);
    return (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (rank > shown) return;
      if (waiting.length === 0) setTimeout(flush, GATHER_MS);
      waiting.push({ timestamp: new Date().toISOString(), level: severity, message, ...fields });
      if (rank <= LOG_LEVELS.indexOf('warn')) flush();
    };
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    setLevel: (next) => {
      logger.level = next;
      shown = LOG_LEVELS.indexOf(next);
    },
  };
}

function jsonLine(info: winston.Logform.TransformableInfo): string {
  try {
    return printable(JSON.stringify(info));
  } catch (error) {
    // A field that is a circle or a BigInt is a bug, but no reason to lose the line, or the process.
    return JSON.stringify({ timestamp: info['timestamp'], level: info.level, message: info.message, unwritable: String(error) });
  }
}

const COLORS = new Map<string, 'red' | 'yellow' | 'gray' | 'green'>([
  ['error', 'red'],
  ['warn', 'yellow'],
  ['info', 'green'],
  ['debug', 'gray'],
]);

function readableLine({ level, message, timestamp, ...fields }: winston.Logform.TransformableInfo): string {
  const time = String(timestamp).slice(11, 23);
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`)
    .join(' ');
  return `${time} ${styleText(COLORS.get(level) ?? 'gray', level.padEnd(5))} ${printable(String(message))} ${styleText('gray', printable(shown))}`;
}

function quoted(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Controls, and what changes the direction of a text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Most lines, and quick to see. */
const PLAIN = /^[ -~]*$/;

/** Control characters never reach a terminal: it would obey them. */
function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNPRINTABLE, (odd) => odd.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''));
}
