import type { ConsumerConfig } from '../config/types.ts';
import { readSelfReport } from '../core/health.ts';
import type { Probe, ProbeOutcome, SelfReport } from '../core/health.ts';
import type { ResidencyReport } from '../core/self-report.ts';
import { askBusy, askResidency } from './ask.ts';
import { callConsumer, CallRefused, CallTimeout, CallUnmade } from './call.ts';
import type { Answer } from './call.ts';

/** A time limit that ends so much later than it should: we were held up ourselves, and an answer may lie there unread. ms */
const LATE_MS = 100;

/** Asks a consumer for its health, and where it has such routes for its residency and whether it works. Never rejects. */
export async function probeConsumer(config: ConsumerConfig, timeoutMs: number): Promise<Omit<Probe, 'startedAt'>> {
  const [outcome, residency, isWorking] = await Promise.all([
    askHealth(config, timeoutMs),
    askResidency(config, timeoutMs).catch(() => null),
    askBusy(config, timeoutMs).catch(() => null),
  ]);
  if (outcome.type !== 'good') return { outcome };
  return { outcome: { type: 'good', report: combined(outcome.report, residency) }, isWorking, isLoadFailed: residency?.isFailed ?? false };
}

async function askHealth(config: ConsumerConfig, timeoutMs: number): Promise<ProbeOutcome> {
  const { method, path, loading } = config.health;
  const startedAt = performance.now();
  try {
    const answer = await callConsumer(config, { method, path, timeoutMs });
    if (answer.status >= 200 && answer.status <= 299) return { type: 'good', report: reportIn(answer) };
    return { type: 'bad', error: `${method} ${path} answered ${answer.status}${loading.includes(answer.status) ? ': it is still loading' : ''}` };
  } catch (error) {
    const text = `${method} ${path}: ${error instanceof Error ? error.message : String(error)}`;
    if (error instanceof CallUnmade) return { type: 'unheard', error: text };
    if (error instanceof CallTimeout) return { type: performance.now() - startedAt > timeoutMs + LATE_MS ? 'unheard' : 'timeout', error: text };
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

/** What the residency route says goes before what stands in the health answer. */
function combined(health: SelfReport, residency: ResidencyReport | null): SelfReport {
  if (residency === null) return health;
  const { loaded, usedMib, names, isExact = false, wantsMib = null } = residency;
  return { loaded: loaded ?? health.loaded, usedMib: usedMib ?? health.usedMib, names, isExact, wantsMib };
}
