import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import { ask, openAnswer, readAnswer, reasonOf, type DaemonAddress } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { renderHistory } from './history-view.ts';
import { numberOf } from './members.ts';
import type { Terminal } from './terminal.ts';

/** A large part of the history is read from a disk. ms. */
const READING_MS = 30_000;

export interface HistoryOptions extends DaemonAddress {
  readonly what: string;
  /** Parameters of the route, as given. */
  readonly filters: Readonly<Record<string, string | undefined>>;
  readonly form: 'table' | 'json' | 'csv';
}

/** Shows what the daemon has kept of the past. Returns the exit code. */
export async function history(options: HistoryOptions, terminal: Terminal): Promise<number> {
  const { url, key, form } = options;
  if (form === 'csv') return csv(options, terminal);
  const answer = await ask({ url, key, method: 'GET', path: pathOf(options), timeoutMs: READING_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  if (form === 'json') terminal.out(`${JSON.stringify(answer.body, null, 2)}\n`);
  else terminal.out(`${renderHistory(itemsOf(memberOf(answer.body, 'rows')), terminal.width)}${further(answer.body)}`);
  return EXIT.fine;
}

/** How to see what comes after the last row. */
function further(body: unknown): string {
  const next = textOf(body, 'next') ?? numberOf(body, 'next');
  return next === null ? '' : `more with --before ${next}\n`;
}

/** As it comes: it may be longer than is good to hold. */
async function csv({ url, key, ...options }: HistoryOptions, terminal: Terminal): Promise<number> {
  try {
    const answer = await openAnswer({ url, key, method: 'GET', path: pathOf({ url, ...options }), timeoutMs: null, headers: { Accept: 'text/csv' } }, AbortSignal.timeout(READING_MS));
    if (answer.statusCode === 200 && /^text\/csv\b/.test(answer.headers['content-type'] ?? '')) {
      await pipeline(answer.setEncoding('utf8'), outputOf(terminal));
      return EXIT.fine;
    }
    const read = await readAnswer(url, answer);
    return reportFailure(read.kind === 'answer' ? { kind: 'stranger', message: `${url} answers, but not with CSV` } : read, terminal);
  } catch (error) {
    return reportFailure({ kind: 'unreachable', message: `no answer from ${url}: ${reasonOf(error)}` }, terminal);
  }
}

function outputOf(terminal: Terminal): Writable {
  return new Writable({
    decodeStrings: false,
    write: (text, _encoding, done) => {
      terminal.out(String(text));
      done();
    },
  });
}

function pathOf({ what, filters, form }: Omit<HistoryOptions, 'key'>): string {
  const query = new URLSearchParams({ what, ...(form === 'csv' ? { format: 'csv' } : {}) });
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value);
  return `/v1/history?${query}`;
}
