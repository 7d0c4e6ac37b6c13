import { textOf } from '../config/tree.ts';
import { ask, HOOK_MS, QUICK_MS, type Answer, type DaemonAddress } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { readStatus } from './status-document.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

/** Asks the daemon to load or unload one consumer. Returns the exit code. */
export async function changeResidency(action: 'load' | 'unload', { name, ...daemon }: DaemonAddress & { name: string }, terminal: Terminal): Promise<number> {
  const answer = await order(daemon, name, action);
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  terminal.out(`${name}: ${residencyIn(answer.body)}\n`);
  return EXIT.fine;
}

/** Unloads every consumer that may hold memory and can be unloaded, one after the other. Returns the exit code. */
export async function unloadAll(daemon: DaemonAddress, terminal: Terminal): Promise<number> {
  const answer = await ask({ ...daemon, method: 'GET', path: '/v1/status', timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  const holders = readStatus(answer.body)?.consumers.filter(({ residency }) => residency === 'resident' || residency === 'unknown') ?? [];
  if (holders.length === 0) terminal.out('nothing is resident\n');
  let code: number = EXIT.fine;
  for (const { name } of holders) {
    const one = await unloadOne(daemon, name, terminal);
    if (one !== EXIT.fine) code = one;
  }
  return code;
}

async function unloadOne(daemon: DaemonAddress, name: string, terminal: Terminal): Promise<number> {
  const answer = await order(daemon, name, 'unload');
  if (answer.kind === 'error' && answer.error === 'no_hook') {
    terminal.out(`${printable(name)}: left alone (it has no unload hook)\n`);
    return EXIT.fine;
  }
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  terminal.out(`${printable(name)}: ${residencyIn(answer.body)}\n`);
  return EXIT.fine;
}

function order(daemon: DaemonAddress, name: string, action: 'load' | 'unload'): Promise<Answer> {
  return ask({ ...daemon, method: 'POST', path: `/v1/consumers/${encodeURIComponent(name)}/${action}`, timeoutMs: HOOK_MS });
}

function residencyIn(body: unknown): string {
  return printable(textOf(body, 'residency') ?? 'unknown');
}
