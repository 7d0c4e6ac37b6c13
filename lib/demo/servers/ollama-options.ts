import { isObject } from './http.ts';

/** What a runner is started with, from a request's `options`. */
export interface RunnerOptions {
  readonly contextLength: number;
  /** Two requests with the same one can share a runner. */
  readonly key: string;
}

/** Those of the many options that the runner is started with; the others belong to a single request. */
const STARTED_WITH = ['num_ctx', 'num_batch', 'num_gpu', 'main_gpu', 'num_thread', 'use_mmap'];
const DEFAULT_CONTEXT = 4096;

/** Reads `options`; what is not given is as by default. */
export function runnerOptions(value: unknown): RunnerOptions {
  const given = isObject(value) ? value : {};
  const { num_ctx: contextLength } = given;
  const known = { ...given, num_ctx: typeof contextLength === 'number' ? contextLength : DEFAULT_CONTEXT };
  return { contextLength: known.num_ctx, key: JSON.stringify(known, STARTED_WITH) };
}
