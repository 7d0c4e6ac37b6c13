import { isIll } from './advice.ts';
import { ask, QUICK_MS, type Answer, type DaemonAddress, type Failure } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { readStatus } from './status-document.ts';
import { renderStatus } from './status-view.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

/** Time between two looks of `--watch`. ms. */
const WATCH_MS = 2000;

/** Cursor to the top left, then clear what is below: less flicker than clearing first and drawing later. */
const HOME = '\u001b[H\u001b[J';

export interface StatusOptions extends DaemonAddress {
  readonly json: boolean;
  readonly watch: boolean;
}

/** Prints the status of a running daemon, once or again and again. Returns the exit code. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<number> {
  if (options.watch) return watch(options, terminal);
  const answer = await look(options);
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  terminal.out(options.json ? `${JSON.stringify(answer.body, null, 2)}\n` : textOf(answer, terminal));
  return exitCode(answer);
}

/** A daemon that goes away is reported and waited for. */
async function watch({ json, ...daemon }: StatusOptions, terminal: Terminal): Promise<number> {
  let answer: Answer;
  do {
    answer = await look(daemon);
    if (json) terminal.out(`${JSON.stringify(answer.kind === 'answer' ? answer.body : failureLine(answer, terminal))}\n`);
    else terminal.out(`${terminal.width === null ? '' : HOME}${textOf(answer, terminal)}${terminal.width === null ? '\n' : ''}`);
  } while (await terminal.pause(WATCH_MS));
  return exitCode(answer);
}

async function look({ url, key }: DaemonAddress): Promise<Answer> {
  const answer = await ask({ url, key, method: 'GET', path: '/v1/status', timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer' || readStatus(answer.body) !== null) return answer;
  return { kind: 'stranger', message: `${url} answers, but not as mGPUmanager does` };
}

function textOf(answer: Answer, terminal: Terminal): string {
  if (answer.kind !== 'answer') return `mgpumanager: ${printable(answer.message)}\n`;
  const document = readStatus(answer.body);
  return document === null ? '' : renderStatus(document, { now: terminal.now(), color: terminal.color, width: terminal.width });
}

function failureLine({ kind, message }: Failure, terminal: Terminal): Record<string, string> {
  return { time: terminal.now().toISOString(), error: kind, message };
}

function exitCode(answer: Answer): number {
  if (answer.kind !== 'answer') return answer.kind === 'unreachable' ? EXIT.unreachable : EXIT.failed;
  return readStatus(answer.body)?.consumers.some(isIll) ? EXIT.unhealthy : EXIT.fine;
}
