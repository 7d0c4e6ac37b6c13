import { parentOf, type Pointer } from './pointer.ts';

/** Offsets in the text of one node; `key` is null for items of a list and for the root. */
export interface Mark {
  readonly key: number | null;
  readonly value: number;
}

/** Where every node of a file is. */
export type Marks = ReadonlyMap<Pointer, Mark>;

/** Offset of a key or value. A place that the file does not have is shown at the key of what should hold it. */
export function offsetOf(marks: Marks, pointer: Pointer, at: 'key' | 'value'): number {
  const mark = marks.get(pointer);
  if (mark !== undefined) return at === 'key' ? (mark.key ?? mark.value) : mark.value;
  const parent = parentOf(pointer);
  return parent === null ? 0 : offsetOf(marks, parent, 'key');
}

/** Offsets at which the lines of a text begin; YAML ends a line at LF, CR or CR LF. */
export function lineStarts(text: string): readonly number[] {
  return [0, ...Array.from(text.matchAll(/\r\n|\r|\n/g), (match) => match.index + match[0].length)];
}

/** Line and column of an offset, both from 1; the column counts UTF-16 units, as editors do. */
export function lineAndColumn(starts: readonly number[], offset: number): { line: number; column: number } {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
