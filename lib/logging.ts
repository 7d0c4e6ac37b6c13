import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import winston from 'winston';
import { LOG_LEVELS, lineText, printable } from './core/log-lines.ts';
import type { LogEntry, LogLevel } from './core/log-lines.ts';
import type { Logger } from './logger.ts';
import { WallStamp } from './core/wall-stamp.ts';

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

  /** Takes some lines, each with its end. */
  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    const text = String(chunk);
    this.#take(text, linesIn(text));
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

function linesIn(text: string): number {
  let lines = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines += 1;
  return lines;
}

function droppedLine(lines: number): string {
  return `${JSON.stringify({ timestamp: new Date().toISOString(), level: 'warn', message: 'log lines were dropped', lines })}\n`;
}

/** Keeps lines for those who read along. */
export interface LineKeeper {
  /** Takes a line as JSON. Must be quick, and must not throw. */
  note(level: LogLevel, text: string): void;
}

/** Lines are gathered for so long, so that under load many cost one system call. ms. */
const GATHER_MS = 50;

/**
 * A logger that writes JSON lines, or readable ones to a terminal. A line is put into words at once: an object that waited would outlive
 * the garbage of its request. Lines are gathered for a moment and handed to winston together, as that costs the same for one as for
 * many. Warnings and errors are written at once, with all before them; what waits is written at the exit.
 */
export function createLogger(target: LogTarget, level: LogLevel, keeper?: LineKeeper): Logger & { setLevel(level: LogLevel): void } {
  const isTerminal = target.isTTY === true;
  const logger = winston.createLogger({
    // What is to be seen is decided here, line by line.
    level: 'debug',
    format: winston.format.printf(({ message }) => String(message)),
    transports: [new winston.transports.Stream({ stream: new LineSink(target), eol: '\n' })],
    exitOnError: false,
  });
  const stamp = new WallStamp();
  let shown = LOG_LEVELS.indexOf(level);
  let waiting: string[] = [];
  let unkept: [LogLevel, string][] = [];
  const flush = (): void => {
    if (waiting.length > 0) logger.info(waiting.join('\n'));
    const kept = unkept;
    [waiting, unkept] = [[], []];
    // Together, so that whoever reads along costs one write and not one for each line.
    for (const [severity, text] of kept) keeper?.note(severity, text);
  };
  process.once('exit', flush);
  const write = (severity: LogLevel) => {
    const rank = LOG_LEVELS.indexOf(severity);
    const isUrgent = rank <= LOG_LEVELS.indexOf('warn');
    return (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (rank > shown) return;
      const entry: LogEntry = { timestamp: stamp.of(new Date()), level: severity, message, ...fields };
      const text = lineText(entry);
      if (waiting.push(isTerminal ? readableLine(entry) : text) === 1 && !isUrgent) setTimeout(flush, GATHER_MS);
      unkept.push([severity, text]);
      if (isUrgent) flush();
    };
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    setLevel: (next) => void (shown = LOG_LEVELS.indexOf(next)),
  };
}

const COLORS = new Map<string, 'red' | 'yellow' | 'gray' | 'green'>([
  ['error', 'red'],
  ['warn', 'yellow'],
  ['info', 'green'],
  ['debug', 'gray'],
]);

function readableLine({ level, message, timestamp, ...fields }: LogEntry): string {
  const time = timestamp.slice(11, 23);
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`)
    .join(' ');
  return `${time} ${styleText(COLORS.get(level) ?? 'gray', level.padEnd(5))} ${printable(message)} ${styleText('gray', printable(shown))}`;
}

function quoted(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text);
}
