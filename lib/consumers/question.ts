import type { ConsumerConfig } from '../config/types.ts';
import type { ReadAnswer } from '../core/self-report.ts';
import { askJson } from './ask.ts';
import { CallRefused } from './call.ts';

/** One question; a server that is loading weights answers late. ms. */
export const QUESTION_TIMEOUT_MS = 5000;

/** Asks a consumer by GET. `gone`: nobody listens there any more; `silent`: it did not answer, and may yet. Never rejects. */
export async function question(config: ConsumerConfig, path: string): Promise<ReadAnswer | 'gone' | 'silent'> {
  try {
    return await askJson(config, { method: 'GET', path, timeoutMs: QUESTION_TIMEOUT_MS });
  } catch (error) {
    return error instanceof CallRefused ? 'gone' : 'silent';
  }
}
