import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../error-code.ts';
import type { CardMemory } from '../card.ts';
import { isObject } from './http.ts';

/** One line of a card's record. */
export interface WorkLine {
  readonly server: string;
  readonly pid: number;
  /** When: `performance.timeOrigin + performance.now()`, ms since 1970 with fractions. */
  readonly at: number;
  /** `oom`: the card refused memory. */
  readonly event: 'begin' | 'end' | 'oom';
  /** What was done, such as `chat` or `load`; for `oom` what was asked for. */
  readonly job: string;
}

/** Two servers at work at once: the second began before the first had ended. */
export interface Overlap {
  readonly first: WorkLine;
  readonly second: WorkLine;
  /** For how long; both jobs still under way count until now. */
  readonly ms: number;
}

/** What a card's record says. */
export interface WorkReport {
  readonly lines: readonly WorkLine[];
  readonly overlaps: readonly Overlap[];
  readonly ooms: readonly WorkLine[];
  /** By server, how long it was at work, ms; its jobs at the same time count once. */
  readonly busyMs: ReadonlyMap<string, number>;
  /** The sum of `busyMs`. */
  readonly totalMs: number;
}

/** Work of this process that is under way, as the functions that end it. */
const underWay = new Set<() => void>();
let endsAtExit = false;

/**
 * Records that a server begins work on the card. Call what it returns when the work ends, and before the last byte of
 * the answer is sent, so that whoever has the answer finds the end in the record. Calling it again does nothing.
 */
export function workOn(card: CardMemory, server: string, job: string): () => void {
  const end = (): void => {
    if (underWay.delete(end)) append(card, { server, event: 'end', job });
  };
  if (!endsAtExit) process.once('exit', endAll);
  endsAtExit = true;
  underWay.add(end);
  append(card, { server, event: 'begin', job });
  return end;
}

/** Records that the card refused a server memory. `ProcessMemory` does so by itself. */
export function recordOom(card: CardMemory, server: string, job: string): void {
  append(card, { server, event: 'oom', job });
}

/** Reads the record of the card in folder `dir`. Without one nothing has happened. */
export function readWork(dir: string): WorkReport {
  const lines = textOf(fileIn(dir)).split('\n').filter((text) => text !== '').map(parseLine);
  const jobs = jobsIn(lines);
  const busyMs = busyMsOf(jobs);
  const totalMs = [...busyMs.values()].reduce((sum, ms) => sum + ms, 0);
  return { lines, overlaps: overlapsOf(jobs), ooms: lines.filter(({ event }) => event === 'oom'), busyMs, totalMs };
}

/** Work from its beginning to its end. `from` and `to` are places in the record: unlike two processes' clocks they never lie about order. */
interface Job {
  readonly begin: WorkLine;
  readonly from: number;
  readonly to: number;
  readonly endAt: number;
}

function jobsIn(lines: readonly WorkLine[]): readonly Job[] {
  const ended = new Set<number>();
  return lines.flatMap((begin, from) => {
    if (begin.event !== 'begin') return [];
    const end = lines.findIndex((line, at) => at > from && line.event === 'end' && !ended.has(at) && isSame(line, begin));
    ended.add(end);
    return [{ begin, from, ...(end < 0 ? unfinished(begin, lines) : { to: end, endAt: lines[end]?.at ?? begin.at }) }];
  });
}

function isSame(one: WorkLine, other: WorkLine): boolean {
  return one.pid === other.pid && one.server === other.server && one.job === other.job;
}

/** Still under way, or its process was killed: then it ended some time after the last that is known of the process. */
function unfinished({ pid }: WorkLine, lines: readonly WorkLine[]): { to: number; endAt: number } {
  if (isAlive(pid)) return { to: lines.length, endAt: performance.timeOrigin + performance.now() };
  const last = lines.findLastIndex((line) => line.pid === pid);
  return { to: last, endAt: lines[last]?.at ?? 0 };
}

function overlapsOf(jobs: readonly Job[]): readonly Overlap[] {
  let before: readonly Job[] = [];
  return jobs.flatMap((job) => {
    before = before.filter(({ to }) => to > job.from);
    const met = before.filter(({ begin }) => begin.server !== job.begin.server || begin.pid !== job.begin.pid);
    before = [...before, job];
    return met.map(({ begin, endAt }) => ({ first: begin, second: job.begin, ms: Math.max(0, Math.min(endAt, job.endAt) - job.begin.at) }));
  });
}

function busyMsOf(jobs: readonly Job[]): ReadonlyMap<string, number> {
  const busy = new Map<string, { ms: number; until: number }>();
  for (const { begin: { server, at }, endAt } of jobs) {
    const { ms, until } = busy.get(server) ?? { ms: 0, until: 0 };
    busy.set(server, { ms: ms + Math.max(0, endAt - Math.max(at, until)), until: Math.max(until, endAt) });
  }
  return new Map([...busy].map(([server, { ms }]) => [server, ms]));
}

/** One short write in append mode: lines of several processes stand in the order in which they were written, and never mix. */
function append(card: CardMemory, what: Pick<WorkLine, 'server' | 'event' | 'job'>): void {
  const line: WorkLine = { ...what, pid: process.pid, at: performance.timeOrigin + performance.now() };
  try {
    appendFileSync(fileIn(card.dir), `${JSON.stringify(line)}\n`);
  } catch (error) {
    // The card was taken away while its servers still worked.
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

function fileIn(dir: string): string {
  return join(dir, 'work.jsonl');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function parseLine(text: string): WorkLine {
  const line: unknown = JSON.parse(text);
  if (isWorkLine(line)) return line;
  throw new Error(`work record: expected a line of work, got ${text}`);
}

function isWorkLine(value: unknown): value is WorkLine {
  if (!isObject(value)) return false;
  const { server, pid, at, event, job } = value;
  const known = event === 'begin' || event === 'end' || event === 'oom';
  return known && typeof server === 'string' && typeof pid === 'number' && typeof at === 'number' && typeof job === 'string';
}

/** A process of another user cannot be signalled, but it lives. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function endAll(): void {
  for (const end of underWay) end();
}
