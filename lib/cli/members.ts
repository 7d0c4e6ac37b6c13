import { memberOf, textOf } from '../config/tree.ts';

/** A number in what a daemon said; null where there is none or it is something else. */
export function numberOf(record: unknown, key: string): number | null {
  const value = memberOf(record, key);
  return typeof value === 'number' ? value : null;
}

/** A time in what a daemon said; null where there is none or it is something else. */
export function dateOf(record: unknown, key: string): Date | null {
  const value = new Date(textOf(record, key) ?? NaN);
  return Number.isNaN(value.getTime()) ? null : value;
}
