import type { GpuStatus, StatusDocument } from './status-document.ts';
import { cells, cut } from './width.ts';
import { gib, printable, type Paint, type Style } from './words.ts';

/** One part of the card's memory. */
export interface MemoryPart {
  readonly name: string;
  readonly mib: number;
  /** Nobody has it. */
  readonly isFree: boolean;
}

/** How it is drawn. */
export interface BarOptions {
  readonly width: number;
  readonly ascii: boolean;
  readonly paint: Paint;
}

/** Told apart without colour, too. */
const FILLS = ['█', '▓', '▒', '░'];
const ASCII_FILLS = ['#', '=', '+', '%', '@', 'o'];
const STYLES: readonly Style[] = ['green', 'yellow', 'red', 'bold'];

/** Who holds how much of the card: consumers, the largest first, then processes of others, what nobody explains, and what is free. */
export function memoryParts({ gpus, consumers }: StatusDocument): MemoryPart[] {
  const [gpu] = gpus;
  if (gpu === undefined || gpu.usedMib === null) return [];
  const held = consumers.map(({ name, usedMib }) => ({ name, mib: usedMib ?? 0, isFree: false })).toSorted((one, other) => other.mib - one.mib);
  const foreignMib = gpu.foreign.reduce((sum, { usedMib }) => sum + (usedMib ?? 0), 0);
  const knownMib = held.reduce((sum, { mib }) => sum + mib, foreignMib);
  const rest = [
    { name: 'foreign', mib: foreignMib, isFree: false },
    { name: 'other', mib: gpu.usedMib - knownMib, isFree: false },
    { name: 'free', mib: freeOf(gpu), isFree: true },
  ];
  return [...held, ...rest].filter(({ mib }) => mib > 0);
}

function freeOf({ freeMib, totalMib, usedMib }: GpuStatus): number {
  return freeMib ?? Math.max(0, (totalMib ?? 0) - (usedMib ?? 0));
}

/** So many of `room` cells, a whole number, for each part; whatever is there gets one at least, as far as there are any. */
export function cellShares(parts: readonly number[], room: number): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (total === 0) return parts.map(() => 0);
  const shares = parts.map((part) => Math.max(1, Math.floor((part / total) * room)));
  // What rounding left over or took too much goes to or from the largest.
  for (let off = room - shares.reduce((sum, share) => sum + share, 0); off !== 0; off -= Math.sign(off)) {
    const largest = shares.indexOf(Math.max(...shares));
    shares[largest] = Math.max(0, (shares[largest] ?? 0) + Math.sign(off));
  }
  return shares;
}

/** The card's memory as one bar. */
export function memoryBar(parts: readonly MemoryPart[], { width, ascii, paint }: BarOptions): string {
  const shares = cellShares(parts.map(({ mib }) => mib), Math.max(0, width - 2));
  return `[${parts.map((part, place) => drawn(part, place, { ascii, paint }).repeated(shares[place] ?? 0)).join('')}]`;
}

/** What the bar's parts are, in lines of at most `width` cells. */
export function memoryLegend(parts: readonly MemoryPart[], { width, ascii, paint }: BarOptions): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const [place, part] of parts.entries()) {
    const text = cut(`${printable(part.name)} ${gib(part.mib)}`, width - 2, ascii ? '~' : '…');
    const taken = cells(text) + 2;
    if (used > 0 && used + 2 + taken > width) {
      lines.push(line);
      [line, used] = ['', 0];
    }
    line += `${used === 0 ? '' : '  '}${drawn(part, place, { ascii, paint }).repeated(1)} ${text}`;
    used += taken + (used === 0 ? 0 : 2);
  }
  return line === '' ? lines : [...lines, line];
}

function drawn({ isFree }: MemoryPart, place: number, { ascii, paint }: Omit<BarOptions, 'width'>): { repeated(count: number): string } {
  const fills = ascii ? ASCII_FILLS : FILLS;
  const fill = isFree ? (ascii ? '.' : '·') : (fills[place % fills.length] ?? '#');
  const style = isFree ? 'dim' : (STYLES[place % STYLES.length] ?? 'bold');
  return { repeated: (count) => (count === 0 ? '' : paint(style, fill.repeat(count))) };
}
