import { entriesOf, memberOf } from '../config/tree.ts';
import { table, type Cell, type Column } from './table.ts';
import { moment, printable } from './words.ts';

/** As many columns stay on a terminal that is too narrow for all. */
const ALWAYS_SHOWN = 4;

/**
 * Rows of the history as a table, with a column for each member that some row has. Ends with a newline. `width` in characters; null: any.
 */
export function renderHistory(rows: readonly unknown[], width: number | null): string {
  const keys = [...new Set(rows.flatMap((row) => entriesOf(row).filter(([, value]) => value !== null).map(([key]) => key)))];
  if (keys.length === 0) return 'nothing was kept of that\n';
  const columns = keys.map((key, place) => columnOf(key, place, rows));
  return `${table(columns, rows.map((row) => keys.map((key) => cellOf(memberOf(row, key)))), width).join('\n')}\n`;
}

function columnOf(key: string, place: number, rows: readonly unknown[]): Column {
  const isNumber = rows.every((row) => typeof (memberOf(row, key) ?? 0) === 'number');
  return { heading: printable(key).toUpperCase().replaceAll('_', ' '), align: isNumber ? 'right' : 'left', optional: place >= ALWAYS_SHOWN };
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return { text: '-' };
  if (typeof value === 'number') return { text: String(Math.round(value * 10) / 10) };
  if (typeof value !== 'string') return { text: printable(JSON.stringify(value)) };
  return { text: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? moment(new Date(value)) : printable(value) };
}
