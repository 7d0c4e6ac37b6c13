import type { ConsumerConfig } from '../config/types.ts';
import { readSelfReport } from '../core/health.ts';
import type { ProbeOutcome, SelfReport } from '../core/health.ts';
import { callConsumer, CallRefused, CallTimeout } from './call.ts';
import type { Answer } from './call.ts';

/** Asks a consumer for its health once. Never rejects. */
export async function probeConsumer(config: ConsumerConfig, timeoutMs: number): Promise<ProbeOutcome> {
  const { method, path } = config.health;
  try {
    const answer = await callConsumer(config, { method, path, timeoutMs });
    if (answer.status < 200 || answer.status > 299) return { type: 'bad', error: `${method} ${path} answered ${answer.status}` };
    return { type: 'good', report: reportIn(answer) };
  } catch (error) {
    const text = `${method} ${path}: ${error instanceof Error ? error.message : String(error)}`;
    if (error instanceof CallTimeout) return { type: 'timeout', error: text };
    return { type: error instanceof CallRefused ? 'refused' : 'bad', error: text };
  }
}

/** Many servers answer with plain text or nothing: that is no report, and no fault. */
function reportIn(answer: Answer): SelfReport {
  if (!/\bjson\b/i.test(answer.contentType)) return readSelfReport(null);
  try {
    return readSelfReport(JSON.parse(answer.body));
  } catch {
    return readSelfReport(null);
  }
}
