import { hostname, userInfo } from 'node:os';
import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import { ask, QUICK_MS, type DaemonAddress } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { readPause, readStatus } from './status-document.ts';
import { pausedSince } from './status-lines.ts';
import { table, type Cell, type Column } from './table.ts';
import type { Terminal } from './terminal.ts';
import { ago, printable } from './words.ts';

/** The daemon takes no longer name of who paused. */
const LONGEST_NAME = 100;

const COLUMNS: readonly Column[] = [{ heading: 'CONSUMER' }, { heading: 'RESIDENCY' }, { heading: 'WHY' }];

export interface PauseOptions extends DaemonAddress {
  /** Also unload what can be, once running work has ended. */
  readonly unload: boolean;
  readonly json: boolean;
}

/** Has the daemon refuse new work, so that something else can have the card. Returns the exit code. */
export async function pause({ unload, json, ...daemon }: PauseOptions, terminal: Terminal): Promise<number> {
  // An unload waits for running work, which takes as long as it takes.
  const answer = await ask({ ...daemon, method: 'POST', path: '/v1/pause', timeoutMs: unload ? null : QUICK_MS, body: { by: whoAmI(), unload } });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  const consumers = itemsOf(memberOf(answer.body, 'consumers'));
  if (json) terminal.out(`${JSON.stringify(answer.body, null, 2)}\n`);
  else terminal.out(`${headline(answer.body)}${await runningStill(daemon)}\n${unload ? unloadTable(consumers, terminal.width) : ''}`);
  return consumers.every(isUnloaded) ? EXIT.fine : EXIT.failed;
}

/** Has the daemon take work again. Returns the exit code. */
export async function resume({ json, ...daemon }: Omit<PauseOptions, 'unload'>, terminal: Terminal): Promise<number> {
  const answer = await ask({ ...daemon, method: 'POST', path: '/v1/resume', timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  const was = readPause(memberOf(answer.body, 'was_paused'));
  const age = was === null ? '' : ` (${ago(was.since, terminal.now())})`;
  if (json) terminal.out(`${JSON.stringify(answer.body, null, 2)}\n`);
  else terminal.out(was === null ? 'it was not paused\n' : `resumed; it was ${pausedSince(was)}${age}\n`);
  return EXIT.fine;
}

function headline(body: unknown): string {
  return pausedSince(readPause(memberOf(body, 'paused')) ?? { since: null, by: null });
}

/** What the pause lets end; nothing where that is not known. */
async function runningStill(daemon: DaemonAddress): Promise<string> {
  const answer = await ask({ ...daemon, method: 'GET', path: '/v1/status', timeoutMs: QUICK_MS });
  const running = answer.kind === 'answer' ? (readStatus(answer.body)?.running ?? 0) : 0;
  if (running === 0) return '';
  return running === 1 ? '; 1 request still runs' : `; ${running} requests still run`;
}

function unloadTable(consumers: readonly unknown[], width: number | null): string {
  if (consumers.length === 0) return 'no consumer can be unloaded\n';
  return `\n${table(COLUMNS, consumers.map(unloadRow), width).join('\n')}\n`;
}

function unloadRow(consumer: unknown): Cell[] {
  return ['consumer', 'residency', 'error'].map((key) => ({ text: printable(textOf(consumer, key) ?? '') }));
}

function isUnloaded(consumer: unknown): boolean {
  return textOf(consumer, 'residency') === 'absent' && textOf(consumer, 'error') === null;
}

/** Who runs this, as in `martin@mrock`. */
function whoAmI(): string {
  return `${userName()}@${hostname()}`.slice(0, LONGEST_NAME);
}

/** A user of a container may have a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'somebody');
  }
}
