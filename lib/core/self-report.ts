import type { BusyCheck, ResidencyCheck } from '../config/types.ts';
import type { SelfReport } from './health.ts';
import { readPointer } from './json-pointer.ts';

/** An answer of a consumer to a question of ours. `document` undefined: its body is no JSON. */
export interface ReadAnswer {
  readonly status: number;
  readonly document: unknown;
}

/** What a consumer says about its weights, and the names of what it has loaded; null: it does not say. */
export interface ResidencyReport extends SelfReport {
  readonly names: readonly string[] | null;
  /** It says that loading has failed. */
  readonly isFailed: boolean;
}

const SILENT: ResidencyReport = { loaded: null, usedMib: null, names: null, isFailed: false };
const BYTES_PER_MIB = 1024 * 1024;

/** Reads the answer to `residency.path`. */
export function readResidency(check: ResidencyCheck, { status, document }: ReadAnswer): ResidencyReport {
  if (check.absent_status.includes(status)) return { ...SILENT, loaded: false, names: [], isExact: true };
  if (status < 200 || status > 299) return SILENT;
  if (check.items !== undefined) return readItems(check, readPointer(document, check.items));
  if (check.value !== undefined) return readValue(check, readPointer(document, check.value));
  return { ...SILENT, usedMib: check.bytes === undefined ? null : mibOf(readPointer(document, check.bytes)) };
}

function readItems(check: ResidencyCheck, list: unknown): ResidencyReport {
  if (!Array.isArray(list)) return SILENT;
  const items: readonly unknown[] = list;
  const stateOf = (item: unknown): unknown => (check.state === undefined ? undefined : readPointer(item, check.state));
  const loaded = check.loaded.length === 0 ? items : items.filter((item) => includes(check.loaded, stateOf(item)));
  const names = loaded.map((item) => readPointer(item, check.name ?? '')).filter((name) => typeof name === 'string');
  const isFailed = items.some((item) => includes(check.failed, stateOf(item)));
  return { loaded: loaded.length > 0, usedMib: check.bytes === undefined ? null : sumMib(loaded, check.bytes), names, isFailed, isExact: true, ...wanted(loaded, check) };
}

/** A server that found too little room has put the rest elsewhere. */
function wanted(items: readonly unknown[], { total_bytes: pointer }: ResidencyCheck): { readonly wantsMib?: number | null } {
  return pointer === undefined ? {} : { wantsMib: sumMib(items, pointer) };
}

/** Some servers list what they have loaded with 0 bytes: they do not know. Nothing listed is nothing used. */
function sumMib(items: readonly unknown[], pointer: string): number | null {
  const totalMib = items.reduce<number>((total, item) => total + (mibOf(readPointer(item, pointer)) ?? 0), 0);
  return totalMib > 0 || items.length === 0 ? totalMib : null;
}

function readValue(check: ResidencyCheck, value: unknown): ResidencyReport {
  return value === undefined || value === null ? SILENT : { ...SILENT, loaded: value !== check.absent_when, isExact: true };
}

function mibOf(bytes: unknown): number | null {
  return typeof bytes === 'number' && Number.isFinite(bytes) && bytes >= 0 ? bytes / BYTES_PER_MIB : null;
}

function includes(list: readonly unknown[], value: unknown): boolean {
  return list.some((each) => each === value);
}

/** Whether the answer to `busy.path` says that the consumer works; null: it does not say. */
export function readBusy(check: BusyCheck, document: unknown): boolean | null {
  const parts = check.items === undefined ? [document] : readPointer(document, check.items);
  if (!Array.isArray(parts)) return null;
  const values = parts.flatMap((part: unknown) => [check.pointer, ...check.plus].map((pointer) => readPointer(part, pointer)));
  if (values.some((value) => !isTelling(value, check))) return null;
  return values.some((value) => !isIdle(value, check));
}

function isTelling(value: unknown, { idle_when: idleWhen }: BusyCheck): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && idleWhen !== undefined);
}

function isIdle(value: unknown, { idle_when: idleWhen }: BusyCheck): boolean {
  return idleWhen === undefined ? value === 0 || value === false : value === idleWhen;
}
