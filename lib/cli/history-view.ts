import { entriesOf, memberOf } from '../config/tree.ts';
import { table, type Cell, type Column } from './table.ts';
import { cells } from './width.ts';
import { moment, printable } from './words.ts';

/** Stay on a terminal that is too narrow for all. */
const KEPT = ['time', 'consumer'];
/** Leave first, in this order: what is the least asked for, or is for other programs. */
const FIRST_TO_GO = [
  'request', 'bytes_in', 'bytes_out', 'method', 'cut', 'hook_ms', 'settle_ms', 'upstream_ms', 'evict_ms', 'load_ms', 'path', 'id',
  'expected_mib', 'client', 'reason', 'queue_ms',
];
/** Sentences. Where the terminal is too narrow each stands below its row. */
const SENTENCES = ['explanation', 'error', 'problem', 'consumers'];

/**
 * Rows of the history as a table, with a column for each member that some row has. Ends with a newline. `width` in characters; null: any.
 */
export function renderHistory(rows: readonly unknown[], width: number | null): string {
  const keys = [...new Set(rows.flatMap((row) => entriesOf(row).filter(([, value]) => value !== null).map(([key]) => key)))];
  if (keys.length === 0) return 'nothing was kept of that\n';
  const whole = linesOf(keys, rows, null);
  const fits = width === null || whole.every((line) => cells(line) <= width);
  return `${(fits ? whole : narrow(keys, rows, width)).join('\n')}\n`;
}

function narrow(keys: readonly string[], rows: readonly unknown[], width: number): string[] {
  const below = keys.filter((key) => isSentence(key, rows));
  const [heading = '', ...lines] = linesOf(keys.filter((key) => !below.includes(key)), rows, width);
  return [heading, ...lines.flatMap((line, place) => [line, ...below.flatMap((key) => noteOf(memberOf(rows[place], key)))])];
}

/** The reason of a change of health is the error of a probe; that of an eviction is a word. */
function isSentence(key: string, rows: readonly unknown[]): boolean {
  return SENTENCES.includes(key) || (key === 'reason' && rows.some((row) => String(memberOf(row, key)).includes(' ')));
}

function noteOf(value: unknown): string[] {
  return value === null || value === undefined ? [] : [`  ${cellOf(value).text}`];
}

function linesOf(keys: readonly string[], rows: readonly unknown[], width: number | null): string[] {
  const columns = keys.map((key) => columnOf(key, rows));
  return table(columns, rows.map((row) => keys.map((key) => cellOf(memberOf(row, key)))), width);
}

function columnOf(key: string, rows: readonly unknown[]): Column {
  const isNumber = rows.every((row) => typeof (memberOf(row, key) ?? 0) === 'number');
  const turn = FIRST_TO_GO.indexOf(key);
  return { heading: printable(key).toUpperCase().replaceAll('_', ' '), align: isNumber ? 'right' : 'left', optional: turn === -1 ? !KEPT.includes(key) : turn };
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return { text: '-' };
  if (typeof value === 'number') return { text: String(Math.round(value * 10) / 10) };
  if (typeof value !== 'string') return { text: printable(entriesOf(value).map(([name, each]) => `${name} ${String(each)}`).join(', ')) };
  return { text: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? moment(new Date(value)) : printable(value) };
}
