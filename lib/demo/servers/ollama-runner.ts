import type { Model } from './ollama-models.ts';
import type { RunnerOptions } from './ollama-options.ts';
import { Semaphore } from './semaphore.ts';
import type { Weights } from './weights.ts';

/** A model that has a process of its own. */
export interface Runner {
  readonly model: Model;
  readonly weights: Weights;
  readonly options: RunnerOptions;
  /** One request at a time (`OLLAMA_NUM_PARALLEL` 1). */
  readonly slot: Semaphore;
  /** Requests that hold it, waiting ones too. */
  users: number;
  usedAt: number;
  expiresAt: number;
  timer: NodeJS.Timeout | undefined;
  /** Set once it is on its way out. */
  exit: Promise<void> | undefined;
}

/** A runner that is held by the request it was started for, so that nobody stops it in between. */
export function createRunner(model: Model, weights: Weights, options: RunnerOptions): Runner {
  const runner = { model, weights, options, slot: new Semaphore(1), users: 0, usedAt: 0, expiresAt: 0, timer: undefined, exit: undefined };
  return hold(runner);
}

/** A further request holds it. */
export function hold(runner: Runner): Runner {
  clearTimeout(runner.timer);
  runner.expiresAt = Number.POSITIVE_INFINITY;
  runner.users += 1;
  return runner;
}

/** A request has ended. */
export function release(runner: Runner): void {
  runner.users -= 1;
  runner.usedAt = performance.now();
}

/** Resolves when no request holds it any more. */
export async function spent(runner: Runner): Promise<void> {
  while (runner.users > 0) await runner.slot.run(() => undefined);
}
