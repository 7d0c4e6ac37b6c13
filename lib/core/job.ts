import type { Completion, ConsumerConfig } from '../config/types.ts';
import { readPointer } from './json-pointer.ts';
import type { ReadAnswer } from './self-report.ts';

/** What an exchange leaves behind at its consumer. */
export interface JobTrace {
  /** Ids of jobs that it has started and that go on after its answer. */
  readonly ids: readonly string[];
  /** Its client left before the answer was whole. */
  readonly isAbandoned: boolean;
  /** The consumer's answer did not come to its end. */
  readonly isCut: boolean;
}

export const NO_TRACE: JobTrace = { ids: [], isAbandoned: false, isCut: false };

/** Whether a consumer may still work though the exchange with it is over. */
export function mayStillWork({ busy, completion }: ConsumerConfig, trace: JobTrace): boolean {
  if (completion !== undefined && trace.ids.length > 0) return true;
  return busy !== undefined && (!busy.ends_with_answer || trace.isCut);
}

/** The ids in the answer that has taken jobs; more than `MOST_IDS` are not followed. */
export function jobIds({ id }: Completion, document: unknown): string[] {
  const value = readPointer(document, id);
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((each) => typeof each === 'string' || typeof each === 'number').map(String).slice(0, MOST_IDS);
}

/** One request that queues more jobs than this is followed by the first ones. */
const MOST_IDS = 1000;

/** What the answer to `completion.path` says of a job. `unsure`: it is not known there, or not yet. */
export function jobState({ state, ended }: Completion, id: string, { status, document }: ReadAnswer): 'ended' | 'running' | 'lost' | 'unsure' {
  if (status === 404 || status === 410) return 'lost';
  if (status < 200 || status > 299) return 'unsure';
  const value = readPointer(document, state.replaceAll('{id}', escapePointer(id)));
  if (value === undefined || value === null) return 'unsure';
  return ended.length === 0 || ended.some((each) => each === value) ? 'ended' : 'running';
}

/** Puts a job's id or an item's name where a setting says so; in paths it is percent-encoded. */
export function fillPath(path: string, name: string, value: string): string {
  return path.replaceAll(`{${name}}`, encodeURIComponent(value));
}

/** The same within a JSON value, as it is. */
export function fillValue(value: unknown, name: string, text: string): unknown {
  if (typeof value === 'string') return value.replaceAll(`{${name}}`, () => text);
  if (Array.isArray(value)) return value.map((each: unknown) => fillValue(each, name, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillValue(each, name, text)]));
}

function escapePointer(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}
