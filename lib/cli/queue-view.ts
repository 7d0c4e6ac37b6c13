import type { QueueDocument, QueuedWork, RunningWork, WaitingWork } from './queue-document.ts';
import { pausedSince } from './status-lines.ts';
import { table, type Cell, type Column } from './table.ts';
import { duration, gib, painter, printable, type Paint } from './words.ts';

/** Whoever waits less hardly waits. ms. */
const SOON_MS = 1000;

const COLUMNS: readonly Column[] = [
  { heading: 'POS', align: 'right' },
  { heading: 'ID' },
  { heading: 'KIND', optional: 4 },
  { heading: 'MODEL', optional: 2 },
  { heading: 'CONSUMER' },
  { heading: 'FOR', align: 'right', optional: 3 },
  { heading: 'ESTIMATE' },
  { heading: 'WHO', optional: 1 },
  { heading: 'WHAT HAPPENS' },
];

/** What runs and what waits, for people. Ends with a newline. `width` in characters; null: any. */
export function renderQueue(queue: QueueDocument, { color, width }: { readonly color: boolean; readonly width: number | null }): string {
  const paint = painter(color);
  const { running, waiting, waitingTotal, paused } = queue;
  const rows = [...running.map((work) => runningRow(work, paint)), ...waiting.map(waitingRow)];
  const further = waitingTotal - waiting.length;
  const lines = [
    ...(paused === null ? [] : [paint('yellow', `${pausedSince(paused, 'P')}; \`mgpumanager resume\` ends it.`), '']),
    ...(rows.length === 0 ? ['nothing runs, nothing waits'] : table(COLUMNS, rows, width)),
    ...(further > 0 ? [`… and ${further} more`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function runningRow(work: RunningWork, paint: Paint): Cell[] {
  const estimate = work.expectedMs === null ? '-' : `of about ${roughly(work.expectedMs)}`;
  return [{ text: 'runs', paint: (text) => paint('green', text) }, ...whatCells(work), { text: roughly(work.runMs) }, { text: estimate }, whoCell(work), { text: '' }];
}

function waitingRow(work: WaitingWork): Cell[] {
  return [{ text: String(work.position ?? '-') }, ...whatCells(work), { text: roughly(work.waitMs) }, { text: estimateWords(work) }, whoCell(work), { text: consequence(work) }];
}

function whatCells({ id, kind, model, consumer }: QueuedWork): Cell[] {
  return [id, kind, model, consumer].map((text) => ({ text: printable(text ?? '-') }));
}

function whoCell({ client }: QueuedWork): Cell {
  return { text: printable(client ?? '-') };
}

/** When it begins, as in `~13 s (10–20 s)`. `heldMs`: since the daemon said so. */
export function estimateWords({ estimateMs, estimateReason, rangeMs, isAdmitting }: WaitingWork, heldMs = 0): string {
  if (isAdmitting) return 'room is being made';
  if (estimateMs === null) return estimateReason === null || estimateReason === 'no history' ? 'no estimate yet' : `no estimate: ${printable(estimateReason)}`;
  const left = Math.max(0, estimateMs - heldMs);
  if (left < SOON_MS) return 'any moment';
  return `~${roughly(left)}${rangeMs === null ? '' : range(rangeMs[0] - heldMs, rangeMs[1] - heldMs)}`;
}

/** In one unit where both are below a minute: ` (10–20 s)`. Nothing where both are the same. */
function range(lowMs: number, highMs: number): string {
  const [low, high] = [Math.max(0, lowMs), Math.max(0, highMs)];
  if (roughly(low) === roughly(high)) return '';
  return high < 60_000 ? ` (${Math.round(low / 1000)}–${roughly(high)})` : ` (${roughly(low)}–${roughly(high)})`;
}

/** What has to go for it, and what it waits for beside its turn. */
export function consequence({ willEvict, heldBy }: WaitingWork): string {
  const gone = willEvict.map(({ consumer, freesMib }) => `${printable(consumer)}${freesMib === null ? '' : ` ${gib(freesMib)}`}`);
  const held = heldBy.length === 0 ? [] : [`waits for other work of ${heldBy.map(printable).join(', ')}`];
  return [...(gone.length === 0 ? [] : [`evicts ${gone.join(', ')}`]), ...held].join('; ');
}

/** A duration in whole seconds, which is as much as is to be relied on. */
export function roughly(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return duration(Math.round(ms / 1000) * 1000);
}
