import type { ConsumerConfig } from '../config/types.ts';
import { readBusy, readResidency } from '../core/self-report.ts';
import type { ReadAnswer, ResidencyReport } from '../core/self-report.ts';
import { callConsumer, LARGE_BODY } from './call.ts';
import type { Call } from './call.ts';

/**
 * Asks a question of a consumer and reads the answer as JSON, however large.
 * @throws CallTimeout, CallRefused, or an Error with a text for people.
 */
export async function askJson(config: ConsumerConfig, call: Call): Promise<ReadAnswer> {
  const { status, body } = await callConsumer(config, { maxBytes: LARGE_BODY, ...call });
  try {
    return { status, document: JSON.parse(body) };
  } catch {
    return { status, document: undefined };
  }
}

/** What a consumer with `residency` says of its weights; null: it has no such setting. @throws as `askJson`. */
export async function askResidency(config: ConsumerConfig, timeoutMs: number): Promise<ResidencyReport | null> {
  const { residency } = config;
  if (residency === undefined) return null;
  return readResidency(residency, await askJson(config, { method: 'GET', path: residency.path, timeoutMs }));
}

/** Whether a consumer with `busy` says that it works; null: it has no such setting, or its answer does not tell. @throws as `askJson`. */
export async function askBusy(config: ConsumerConfig, timeoutMs: number): Promise<boolean | null> {
  const { busy } = config;
  if (busy === undefined) return null;
  const { document } = await askJson(config, { method: 'GET', path: busy.path, timeoutMs });
  return readBusy(busy, document);
}
