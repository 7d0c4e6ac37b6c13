import { itemsOf, memberOf } from '../config/tree.ts';
import { LOG_LEVELS, MOST_LINES } from '../core/log-lines.ts';
import { ask, QUICK_MS, type DaemonAddress } from './client.ts';
import { listen } from './event-source.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { logLine } from './log-words.ts';
import { UsageError } from './settings.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

export interface LogsOptions extends DaemonAddress {
  /** Stay, and show each new line. */
  readonly follow: boolean;
  readonly json: boolean;
  /** Lines that have this text; undefined: all. */
  readonly grep: string | undefined;
  /** This level and graver ones. */
  readonly level: (typeof LOG_LEVELS)[number];
  /** So many of the newest; undefined: as many as the daemon shows unasked. */
  readonly lines: number | undefined;
}

/** @throws UsageError unless it is a number of lines that may be asked for. */
export function lineCount(option: string): number {
  if (!/^\d{1,4}$/.test(option) || Number(option) > MOST_LINES) throw new UsageError(`expected a number from 0 to ${MOST_LINES} for --lines, got ${JSON.stringify(option)}`);
  return Number(option);
}

/** Shows the newest lines of the daemon's log. Returns the exit code. */
export async function logs(options: LogsOptions, terminal: Terminal): Promise<number> {
  if (options.follow) return follow(options, terminal);
  const { url, key } = options;
  const answer = await ask({ url, key, method: 'GET', path: pathOf(options), timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  for (const line of itemsOf(memberOf(answer.body, 'lines'))) show(line, options, terminal);
  return EXIT.fine;
}

async function follow(options: LogsOptions, terminal: Terminal): Promise<number> {
  const { url, key } = options;
  const ending = new AbortController();
  const pause = (ms: number): Promise<boolean> => terminal.pause(ms);
  let isLost = false;
  for await (const heard of listen({ url, key, path: pathOf(options), signal: ending.signal, pause })) {
    if (heard.kind === 'lost') {
      if (!isLost) terminal.err(`mgpumanager: ${printable(heard.message)}; trying again\n`);
      isLost = true;
    } else if (heard.kind !== 'event') {
      return reportFailure(heard, terminal);
    } else if (heard.type === 'line') {
      isLost = false;
      show(heard.data, options, terminal);
    }
  }
  return EXIT.fine;
}

function pathOf({ follow, grep, level, lines }: LogsOptions): string {
  const query = new URLSearchParams({ ...(follow ? { follow: '1' } : {}), ...(lines === undefined ? {} : { n: String(lines) }), level, ...(grep === undefined ? {} : { grep }) });
  return `/v1/logs?${query}`;
}

function show(line: unknown, { json }: LogsOptions, terminal: Terminal): void {
  terminal.out(json ? `${JSON.stringify(line)}\n` : `${logLine(line, terminal)}\n`);
}
