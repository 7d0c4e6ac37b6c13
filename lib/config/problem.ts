import { suggest } from '../core/suggest.ts';
import { lineAndColumn, offsetOf, type Marks } from './marks.ts';
import { wherePointer, type Pointer } from './pointer.ts';

/** Something wrong with a configuration file, for people. */
export interface Problem {
  readonly file: string;
  /** From 1; null where the file as a whole is meant. */
  readonly line: number | null;
  readonly column: number | null;
  /** Which setting, such as `consumers.mvoice.url`; empty where no single one is meant. */
  readonly where: string;
  /** What was expected and what was got. Never holds the value of an environment variable. */
  readonly message: string;
}

/** Something wrong at a place in the file, before it is put into words. */
export interface Fault {
  readonly pointer: Pointer;
  /** What of the place to point at; a number is an offset in the text. */
  readonly at: 'key' | 'value' | number;
  readonly expected: string;
  /** What was got, in words; without it the value itself is shown. */
  readonly got?: string;
  /** A misspelt word and what may have been meant. */
  readonly misspelt?: { readonly word: string; readonly candidates: readonly string[] } | undefined;
}

/** What is needed to put faults of one file into words. */
export interface FaultContext {
  readonly file: string;
  /** Offsets at which its lines begin. */
  readonly lines: readonly number[];
  readonly marks: Marks;
  /** The value at a pointer as it may be shown. */
  readonly show: (pointer: Pointer) => string;
}

/** `file:line:column: where: what was expected, what was got`. */
export function formatProblem(problem: Problem): string {
  const position = problem.line === null ? [] : [problem.line, problem.column ?? 1];
  const parts = [[problem.file, ...position].join(':'), problem.where, problem.message];
  return parts.filter((part) => part !== '').join(': ');
}

/**
 * Problems sorted by position. Of several faults of one setting only the first counts, so callers give the most telling first.
 */
export function describeFaults(faults: readonly Fault[], context: FaultContext): Problem[] {
  const first = new Map<string, Fault>();
  for (const fault of faults) {
    const id = fault.pointer === '' || typeof fault.at === 'number' ? `${fault.at} ${fault.expected}` : fault.pointer;
    if (!first.has(id)) first.set(id, fault);
  }
  return [...first.values()].map((fault) => describeFault(fault, context)).sort(byPosition);
}

function describeFault(fault: Fault, context: FaultContext): Problem {
  const offset = typeof fault.at === 'number' ? fault.at : offsetOf(context.marks, fault.pointer, fault.at);
  const got = fault.got ?? context.show(fault.pointer);
  return {
    file: context.file,
    ...lineAndColumn(context.lines, offset),
    where: wherePointer(fault.pointer),
    message: `expected ${fault.expected}, got ${got}${suggestion(fault)}`,
  };
}

function suggestion({ misspelt }: Fault): string {
  const name = misspelt === undefined ? null : suggest(misspelt.word, misspelt.candidates);
  return name === null ? '' : ` (did you mean "${name}"?)`;
}

function byPosition(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || (a.where < b.where ? -1 : 1);
}
