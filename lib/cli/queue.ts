import { ask, QUICK_MS, type Answer, type DaemonAddress } from './client.ts';
import { textOf } from '../config/tree.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { readQueue } from './queue-document.ts';
import { renderQueue } from './queue-view.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

/** Shows what runs and what waits. Returns the exit code. */
export async function queue({ json, ...daemon }: DaemonAddress & { readonly json: boolean }, terminal: Terminal): Promise<number> {
  const answer = await ask({ ...daemon, method: 'GET', path: '/v1/queue', timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  const document = readQueue(answer.body);
  if (document === null) return reportFailure({ kind: 'stranger', message: `${daemon.url} answers, but not as mGPUmanager does` }, terminal);
  terminal.out(json ? `${JSON.stringify(answer.body, null, 2)}\n` : renderQueue(document, terminal));
  return EXIT.fine;
}

export interface CancelOptions extends DaemonAddress {
  /** As `queue` shows them. */
  readonly ids: readonly string[];
  readonly json: boolean;
}

/** Takes requests out of the queue, or ends them where they run. Returns the exit code: of several, the first that is not 0. */
export async function cancel({ ids, json, ...daemon }: CancelOptions, terminal: Terminal): Promise<number> {
  const results: unknown[] = [];
  let code: number = EXIT.fine;
  for (const id of ids) {
    const answer = await ask({ ...daemon, method: 'DELETE', path: `/v1/queue/${encodeURIComponent(id)}`, timeoutMs: QUICK_MS });
    results.push(resultOf(id, answer));
    const one = json ? exitCode(answer) : report(id, answer, terminal);
    if (code === EXIT.fine) code = one;
  }
  if (json) terminal.out(`${JSON.stringify({ results }, null, 2)}\n`);
  return code;
}

function resultOf(id: string, answer: Answer): Record<string, unknown> {
  if (answer.kind === 'answer') return { id, cancelled: true, was: textOf(answer.body, 'was') };
  return { id, cancelled: false, error: answer.kind === 'error' ? answer.error : answer.kind, message: answer.message };
}

function report(id: string, answer: Answer, terminal: Terminal): number {
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  const was = textOf(answer.body, 'was');
  terminal.out(`${printable(id)}: cancelled${was === null ? '' : ` (it was ${printable(was)})`}\n`);
  return EXIT.fine;
}

function exitCode(answer: Answer): number {
  if (answer.kind === 'answer') return EXIT.fine;
  return answer.kind === 'unreachable' ? EXIT.unreachable : EXIT.failed;
}
