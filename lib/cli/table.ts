import { cells as widthOf } from './width.ts';

/** One column: its heading, which side it leans to, and whether a narrow terminal may do without it. */
export interface Column {
  readonly heading: string;
  readonly align?: 'left' | 'right';
  /** A number: it is left out in that order, before those that say `true`. */
  readonly optional?: boolean | number;
}

/** One cell; `paint` is applied after padding, so that colour codes take no room. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

const GAP = '  ';

/**
 * The lines of a table. Optional columns are left out until it fits `width` characters, the last ones first where no order is given; null: any width.
 */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number | null): string[] {
  const shown = fitting(columns, rows, width);
  const sizes = shown.map((index) => columnSize(columns, rows, index));
  const line = (cells: readonly Cell[]): string =>
    shown.map((index, place) => padded(cells[index] ?? { text: '' }, columns[index]?.align ?? 'left', sizes[place] ?? 0)).join(GAP).trimEnd();
  return [line(columns.map(({ heading }) => ({ text: heading }))), ...rows.map(line)];
}

function fitting(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number | null): number[] {
  const shown = columns.map((_, index) => index);
  const total = (): number => shown.reduce((sum, index) => sum + columnSize(columns, rows, index) + GAP.length, -GAP.length);
  while (width !== null && total() > width) {
    const [victim] = shown.filter((index) => turnOf(columns[index]) !== null).toSorted((a, b) => (turnOf(columns[a]) ?? 0) - (turnOf(columns[b]) ?? 0) || b - a);
    if (victim === undefined) break;
    shown.splice(shown.indexOf(victim), 1);
  }
  return shown;
}

/** When it is left out; null: never. */
function turnOf(column: Column | undefined): number | null {
  const optional = column?.optional ?? false;
  if (optional === false) return null;
  return optional === true ? Number.MAX_SAFE_INTEGER : optional;
}

function columnSize(columns: readonly Column[], rows: readonly (readonly Cell[])[], index: number): number {
  return rows.reduce((size, row) => Math.max(size, widthOf(row[index]?.text ?? '')), widthOf(columns[index]?.heading ?? ''));
}

function padded({ text, paint }: Cell, align: 'left' | 'right', size: number): string {
  const painted = paint === undefined ? text : paint(text);
  const space = ' '.repeat(size - widthOf(text));
  return align === 'left' ? painted + space : space + painted;
}
