import type { GpuProcess } from '../core/model.ts';

/** What nvidia-smi says of the card. MiB; null: it did not say. */
export interface CardState {
  readonly uuid: string | null;
  readonly name: string | null;
  readonly totalMib: number | null;
  readonly usedMib: number | null;
  readonly freeMib: number;
}

export type ParsedCard = { readonly ok: true; readonly card: CardState } | { readonly ok: false; readonly error: string };

/** What is asked for a card and for a process, in the order in which the functions below read it. */
export const CARD_FIELDS = 'index,uuid,name,memory.total,memory.used,memory.free';
const CARD_COLUMNS = CARD_FIELDS.split(',').length;
export const PROCESS_FIELDS = 'gpu_uuid,pid,process_name,used_gpu_memory';

/** No card has 10 TiB: more digits are garbage. */
const MIB = /^\d{1,7}$/;
const UUID = /^GPU-[0-9a-fA-F-]{8,64}$/;
/** `[N/A]`, `[Not Supported]`, `[GPU is lost]` and their like; `ERR!` is what the table prints. */
const NO_VALUE = /^(|\[.*\]|N\/A|ERR!)$/;
/** The longest error seen has 141 characters. */
const MAX_TEXT = 160;

/**
 * Reads card `device` from the CSV of a `CARD_FIELDS` query. Rows of other cards and remarks between the rows are skipped.
 * A field without a sensible number is null, never 0; without free memory there is no reading, and the error says why.
 */
export function parseCard(text: string, device: number): ParsedCard {
  const rows = completeLines(text).map(fields).filter((row) => row.length > 1 && row[0] === String(device));
  const [row] = rows;
  if (row === undefined) return { ok: false, error: remarkIn(text) ?? `no row for GPU ${device}` };
  if (rows.length > 1) return { ok: false, error: `${rows.length} rows for GPU ${device}` };
  return cardFromRow(row);
}

/**
 * Reads the processes on card `uuid` from the CSV of a `PROCESS_FIELDS` query. null: at least one line makes no sense,
 * so that a process may be missing from the list.
 */
export function parseProcesses(text: string, uuid: string): readonly GpuProcess[] | null {
  if (!text.endsWith('\n') && text !== '') return null;
  const rows = completeLines(text).filter((line) => line.trim() !== '').map(fields);
  const found = rows.filter((row) => row[0] === uuid || !UUID.test(row[0] ?? '')).map(processFromRow);
  const processes = found.filter((process) => process !== null);
  return processes.length === found.length ? processes : null;
}

/** What nvidia-smi says beside the rows, which is where its errors are: one line, short and printable. null: nothing. */
export function remarkIn(text: string): string | null {
  const lines = text.split('\n').filter((line) => fields(line).length < 4).map(shorten);
  return lines.find((line) => line !== '') ?? null;
}

function shorten(text: string): string {
  const line = printable(text).trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}

function cardFromRow(row: readonly string[]): ParsedCard {
  if (row.length !== CARD_COLUMNS) return { ok: false, error: `${row.length} columns for a GPU, expected ${CARD_COLUMNS}` };
  const [, uuid = '', name = '', totalText = '', usedText = '', freeText = ''] = row;
  const [freeMib, totalMib, usedMib] = [mib(freeText), mib(totalText), mib(usedText)];
  if (freeMib === null) return { ok: false, error: `memory.free is "${shorten(freeText)}", expected MiB` };
  if (totalMib === 0) return { ok: false, error: 'memory.total is 0' };
  if (totalMib !== null && freeMib > totalMib) return { ok: false, error: `${freeMib} MiB free of only ${totalMib}` };
  // Used and free need not add up to the total: the driver reserves some.
  const plausibleUsedMib = totalMib !== null && usedMib !== null && usedMib > totalMib ? null : usedMib;
  return { ok: true, card: { uuid: UUID.test(uuid) ? uuid : null, name: known(name), totalMib, usedMib: plausibleUsedMib, freeMib } };
}

/** A process name is a path and may hold commas: what comes before and after it is counted from both ends. */
function processFromRow(row: readonly string[]): GpuProcess | null {
  const pid = row[1] ?? '';
  if (row.length < 4 || !UUID.test(row[0] ?? '') || !/^[1-9]\d{0,9}$/.test(pid)) return null;
  return { pid: Number(pid), name: known(row.slice(2, -1).join(', ')), usedMib: mib(row.at(-1) ?? '') };
}

/** A last line without its end may have been cut in the middle of a number. */
function completeLines(text: string): readonly string[] {
  return text.split('\n').slice(0, -1);
}

/** Comma and blank: a comma alone may be part of a value. */
function fields(line: string): readonly string[] {
  return line.split(', ').map((field) => field.trim());
}

function mib(text: string): number | null {
  return MIB.test(text) ? Number(text) : null;
}

function known(text: string): string | null {
  return NO_VALUE.test(text) ? null : printable(text);
}

/** Control characters would reach logs and terminals. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
