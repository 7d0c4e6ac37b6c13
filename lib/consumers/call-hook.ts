import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerConfig, Hook } from '../config/types.ts';
import { fillPath, fillValue } from '../core/job.ts';
import { askResidency } from './ask.ts';
import { callConsumer, CallRefused } from './call.ts';
import type { Answer } from './call.ts';

type HttpHook = Extract<Hook, { type: 'http' }>;

/** A hook to be called. */
export interface HookCall {
  readonly config: ConsumerConfig;
  readonly hook: HttpHook;
  /** Time that is left for it, ms. */
  leftMs(): number;
}

/** Between two tries. */
const RETRY_MS = 200;
/** Progress that is streamed while a model loads is longer than other answers. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/** Calls a hook, for a `for_each_loaded` one once for each item. Rejects with a reason for people. */
export async function callHook(call: HookCall): Promise<void> {
  if (!call.hook.forEachLoaded) return callUntilGood(call);
  const report = await askResidency(call.config, call.leftMs());
  if (report?.names === undefined || report.names === null) throw new Error('it does not say what it has loaded');
  for (const name of report.names) await callUntilGood({ ...call, hook: filled(call.hook, name) });
}

async function callUntilGood(call: HookCall): Promise<void> {
  for (;;) {
    const fault = await faultOf(call);
    if (fault === null) return;
    if (!fault.mayPass || call.leftMs() <= RETRY_MS) throw new Error(fault.text);
    await delay(RETRY_MS);
  }
}

interface HookFault {
  readonly text: string;
  /** Another try may go better. */
  readonly mayPass: boolean;
}

async function faultOf({ config, hook, leftMs }: HookCall): Promise<HookFault | null> {
  const { method, path, headers, body } = hook;
  try {
    const answer = await callConsumer(config, { method, path, headers, body, timeoutMs: Math.max(1, Math.round(leftMs())), maxBytes: LONGEST_ANSWER });
    return isGood(hook, answer) ? null : { text: wrong(hook, answer), mayPass: hook.retryStatus.includes(answer.status) };
  } catch (error) {
    return { text: error instanceof Error ? error.message : String(error), mayPass: hook.retryRefused && error instanceof CallRefused };
  }
}

function isGood({ already, expect }: HttpHook, { status, body }: Answer): boolean {
  if (already !== undefined && already.status.includes(status) && body.includes(already.contains ?? '')) return true;
  return status >= 200 && status <= 299 && body.includes(expect ?? '');
}

function wrong({ method, path, expect }: HttpHook, { status }: Answer): string {
  const isStatusGood = status >= 200 && status <= 299;
  return `${method} ${path} answered ${status}${isStatusGood ? ` without ${JSON.stringify(expect)}` : ''}`;
}

function filled(hook: HttpHook, name: string): HttpHook {
  return { ...hook, path: fillPath(hook.path, 'name', name), body: fillValue(hook.body, 'name', name) };
}
