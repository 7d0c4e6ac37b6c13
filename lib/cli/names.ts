import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import { ask, QUICK_MS, type DaemonAddress } from './client.ts';
import type { LiveWords } from './completion.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

export interface NamesOptions extends DaemonAddress {
  readonly what: LiveWords;
}

/** Prints the names of a daemon's consumers, or the ids of what runs and waits there, one a line. Returns the exit code. */
export async function names({ what, ...daemon }: NamesOptions, terminal: Terminal): Promise<number> {
  const path = what === 'consumers' ? '/v1/status' : '/v1/queue';
  const answer = await ask({ ...daemon, method: 'GET', path, timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  for (const name of namesIn(answer.body, what)) terminal.out(`${printable(name)}\n`);
  return EXIT.fine;
}

function namesIn(body: unknown, what: LiveWords): string[] {
  const lists = what === 'consumers' ? ['consumers'] : ['running', 'waiting'];
  const key = what === 'consumers' ? 'name' : 'id';
  return lists.flatMap((list) => itemsOf(memberOf(body, list)).flatMap((each) => textOf(each, key) ?? []));
}
