import type { Failure } from './client.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

/** Says why an answer is none, and returns the exit code for it. */
export function reportFailure(answer: Failure, terminal: Terminal): number {
  terminal.err(`mgpumanager: ${printable(answer.message)}\n`);
  // It was typed in wrong, and only the daemon knows how it should be.
  if (answer.kind === 'error' && answer.error === 'bad_request') return EXIT.usage;
  if (answer.kind !== 'unreachable') return EXIT.failed;
  terminal.err('Start the daemon with `mgpumanager serve`, or say where it is with --url or MGPU_URL.\n');
  return EXIT.unreachable;
}
