import type { Kind } from '../config/types.ts';
import type { LogRecord } from './broker-process.ts';

/** What came of one demo request. */
export interface Shown {
  readonly kind: Kind;
  readonly status: number;
  readonly consumer: string;
  /** `Server-Timing` of the answer. */
  readonly timing: string;
  readonly totalMs: number;
}

const STAGES = ['queue', 'evict', 'load', 'upstream'] as const;

/** A table of what each request waited for. */
export function timesTable(rows: readonly Shown[]): string {
  const head = ['kind', 'consumer', 'status', ...STAGES.map((stage) => `${stage} ms`), 'total ms'];
  const lines = rows.map((row) => [row.kind, row.consumer, String(row.status), ...STAGES.map((stage) => stageIn(row.timing, stage)), row.totalMs.toFixed(0)]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)));
  return [head, ...lines].map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}

function stageIn(timing: string, stage: string): string {
  const found = new RegExp(`${stage};dur=([\\d.]+)`).exec(timing)?.[1];
  return found === undefined ? '-' : Number(found).toFixed(0);
}

/** What the daemon's log says that a spectator wants to know, or null. */
export function remarkOn(record: LogRecord): string | null {
  switch (record['message']) {
    case 'unloaded':
      return `unloaded ${text(record, 'consumer')} for ${text(record, 'for')}${reasonIn(record)}; ${text(record, 'freed_mib')} MiB came free ${text(record, 'settle_ms')} ms after the hook`;
    case 'residency changed':
      return record['to'] === 'resident' ? `${text(record, 'consumer')} is resident (${text(record, 'reason')})` : null;
    default:
      return record['level'] === 'error' || record['level'] === 'warn' ? `${text(record, 'message')}: ${JSON.stringify(record)}` : null;
  }
}

function reasonIn(record: LogRecord): string {
  return record['reason'] === undefined ? '' : `: ${text(record, 'reason')}`;
}

function text(record: LogRecord, key: string): string {
  const value = record[key];
  return typeof value === 'string' ? value : JSON.stringify(value ?? '?');
}
