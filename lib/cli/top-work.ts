import type { RunningWork, WaitingWork } from './queue-document.ts';
import { consequence, estimateWords, roughly } from './queue-view.ts';
import { table, type Column } from './table.ts';
import type { Row } from './top-rows.ts';
import { cells, fitted } from './width.ts';
import { printable } from './words.ts';

/** The room for the rows. */
export interface WorkFrame {
  /** Cells of a row. */
  readonly width: number;
  /** Since the queue was seen. ms. */
  readonly sinceMs: number;
}

/** A column has no heading: what stands in it says what it is. */
const plain = (optional: Column['optional'] = false, align: 'left' | 'right' = 'left'): Column => ({ heading: '', optional, align });
// Id, kind, model, consumer, how long, who.
const RUNNING = [plain(), plain(4), plain(2), plain(), plain(), plain(1)];
// Place, id, kind, model, consumer, when, how long already, who.
const WAITING = [plain(false, 'right'), plain(), plain(4), plain(2), plain(), plain(), plain(3), plain(1)];
/** As much of a row is kept for what its turn will cost others, as far as it goes. Cells. */
const CONSEQUENCE_WIDTH = 20;

/** Who has the card, since when, and for how long about. */
export function runningRows(works: readonly RunningWork[], { width, sinceMs }: WorkFrame): Row[] {
  const rows = works.map((work) => {
    const ran = roughly(work.runMs === null ? null : work.runMs + sinceMs);
    const expected = work.expectedMs === null ? '' : ` of about ${roughly(work.expectedMs)}`;
    return [work.id, ...subject(work), ran + expected, work.client ?? ''];
  });
  return aligned(RUNNING, rows, width).map((text) => ({ text, style: 'green' }));
}

/** Who waits, when it begins, and what has to go for it. */
export function waitingRows(works: readonly WaitingWork[], { width, sinceMs }: WorkFrame): Row[] {
  const rows = works.map((work) => {
    const waited = work.waitMs === null ? '' : `waits ${roughly(work.waitMs + sinceMs)}`;
    return [String(work.position ?? '-'), work.id, ...subject(work), estimateWords(work, sinceMs), waited, work.client ?? ''];
  });
  const costs = works.map(consequence);
  const lines = aligned(WAITING, rows, costs.some((cost) => cost !== '') ? width - CONSEQUENCE_WIDTH : width);
  const longest = Math.max(0, ...lines.map(cells));
  return lines.map((line, place) => ({ text: costs[place] ? `${fitted(line, longest)}  ${costs[place]}` : line, style: null }));
}

function subject({ kind, model, consumer }: RunningWork | WaitingWork): string[] {
  return [kind ?? '', model ?? '', consumer ?? '-'];
}

/** A column in which nothing stands takes no room. */
function aligned(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const used = [...columns.keys()].filter((index) => rows.some((row) => row[index] !== ''));
  const shown = rows.map((row) => used.map((index) => ({ text: printable(row[index] ?? '') })));
  return table(used.flatMap((index) => columns[index] ?? []), shown, width).slice(1);
}
