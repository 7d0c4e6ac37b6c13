import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import winston from 'winston';
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

  constructor(target: LogTarget) {
    super({ decodeStrings: false });
    this.#target = target;
    target.on('error', () => (this.#dropped += 1));
  }

  /** Lines lost since the last one that got through. */
  get dropped(): number {
    return this.#dropped;
  }

  override _write(line: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#target.writableLength > LARGEST_BACKLOG) {
      this.#dropped += 1;
    } else {
      const lost = this.#dropped;
      this.#dropped = 0;
      this.#put(lost === 0 ? String(line) : `${line}${JSON.stringify({ level: 'warn', message: 'log lines were dropped', lines: lost })}\n`);
    }
    done();
  }

  #put(text: string): void {
    try {
      this.#target.write(text);
    } catch {
      this.#dropped += 1;
    }
  }
}

/** A logger that writes JSON lines, or readable ones to a terminal. */
export function createLogger(target: LogTarget, level: string): Logger & { setLevel(level: string): void } {
  const { combine, timestamp, json, printf } = winston.format;
  const readable = printf((info) => readableLine(info));
  const logger = winston.createLogger({
    level,
    format: combine(timestamp(), target.isTTY === true ? readable : json()),
    transports: [new winston.transports.Stream({ stream: new LineSink(target) })],
    exitOnError: false,
  });
  const write = (severity: string) => (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (logger.isLevelEnabled(severity)) logger.log({ level: severity, message, ...fields });
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    setLevel: (next) => (logger.level = next),
  };
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
    .map(([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`);
  return `${time} ${styleText(COLORS.get(level) ?? 'gray', level.padEnd(5))} ${String(message)} ${styleText('gray', shown.join(' '))}`;
}

/** Control characters never reach a terminal: it would obey them. */
function quoted(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text);
}
