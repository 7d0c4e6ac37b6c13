import { ask, QUICK_MS, type DaemonAddress } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { renderPlan } from './plan-view.ts';
import type { Terminal } from './terminal.ts';

export interface PlanOptions extends DaemonAddress {
  readonly json: boolean;
  /** By kind or by name of the consumer. */
  readonly by: 'kind' | 'consumer';
  readonly name: string;
}

/** Prints what a request would do now; nothing is done. Returns the exit code. */
export async function plan({ json, by, name, ...daemon }: PlanOptions, terminal: Terminal): Promise<number> {
  const path = `/v1/plan?${by}=${encodeURIComponent(name)}`;
  const answer = await ask({ ...daemon, method: 'GET', path, timeoutMs: QUICK_MS });
  if (answer.kind !== 'answer') return reportFailure(answer, terminal);
  terminal.out(json ? `${JSON.stringify(answer.body, null, 2)}\n` : renderPlan(answer.body, terminal.width));
  return EXIT.fine;
}
