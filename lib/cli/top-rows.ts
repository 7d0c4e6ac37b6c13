import type { Style } from './words.ts';

/** A row stands so far to the right of its heading. Cells. */
export const INDENT = 2;

/** One line. */
export interface Row {
  readonly text: string;
  readonly style: Style | null;
}

/** A heading and what stands under it. */
export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  /** So many more there are that are not among the rows. */
  readonly rest: number;
}

/**
 * The sections in at most `room` lines. Where there is too little, each first gets its heading and one row, in their order, then all get rows in
 * turn; the last row of one that was cut says how many there are beyond it.
 */
export function shareRows(sections: readonly Section[], room: number): Row[] {
  const wanted = sections.map(({ rows, rest }) => rows.length + (rest > 0 ? 1 : 0));
  const given = sections.map(() => 0);
  let left = room - sections.length;
  while (left > 0 && given.some((count, index) => count < (wanted[index] ?? 0))) {
    for (const index of sections.keys()) {
      if (left === 0 || (given[index] ?? 0) >= (wanted[index] ?? 0)) continue;
      given[index] = (given[index] ?? 0) + 1;
      left -= 1;
    }
  }
  return sections.flatMap((section, index) => sectionRows(section, given[index] ?? 0)).slice(0, Math.max(0, room));
}

function sectionRows({ title, rows, rest }: Section, lines: number): Row[] {
  const heading: Row = { text: title, style: 'bold' };
  if (rows.length + (rest > 0 ? 1 : 0) <= lines && rest <= 0) return [heading, ...rows.map(indented)];
  if (lines === 0) return [heading];
  const shown = rows.slice(0, lines - 1);
  const further = rows.length - shown.length + Math.max(0, rest);
  return [heading, ...shown.map(indented), { text: `  … ${further} more`, style: 'dim' }];
}

function indented({ text, style }: Row): Row {
  return { text: `${' '.repeat(INDENT)}${text}`, style };
}
