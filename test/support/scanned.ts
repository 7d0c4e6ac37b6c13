import fc from 'fast-check';
import type { Splice } from '../../lib/core/body-edits.ts';
import { anyCharacter } from './any-character.ts';

interface Scanner<Scan> {
  feed(chunk: Uint8Array): void;
  end(): Scan;
}

/** Where a body is cut into chunks: places modulo its length. Few, so that some chunks are long, or about one for each byte. */
export const anyCuts = fc.oneof(fc.array(fc.nat(), { maxLength: 5 }), fc.array(fc.nat(), { minLength: 200, maxLength: 400 }));

/** What a scanner says of a body that comes in chunks. Each chunk is overwritten once it has been taken. */
export function scanned<Scan>(scanner: Scanner<Scan>, body: Uint8Array, cuts: readonly number[] = []): Scan {
  const places = [...cuts.map((cut) => cut % (body.length + 1)), body.length].sort((a, b) => a - b);
  let from = 0;
  for (const to of places) {
    const chunk = Uint8Array.from(body.subarray(from, to));
    scanner.feed(chunk);
    chunk.fill(0x3f);
    from = to;
  }
  return scanner.end();
}

/** The body with the splices in it, put together at once. */
export function spliced(body: Uint8Array, splices: readonly Splice[]): Buffer {
  const pieces: Uint8Array[] = [];
  let done = 0;
  for (const { start, end, bytes } of splices) {
    if (start < done || end < start) throw new Error(`the splice at ${start}–${end} overlaps, or is not in order`);
    pieces.push(body.subarray(done, start), bytes);
    done = end;
  }
  return Buffer.concat([...pieces, body.subarray(done)]);
}

/** A JSON text of a value with whitespace and escapes as `choices` has them; an array of pairs at the top is an object. */
export function jsonText(pairs: readonly (readonly [string, unknown])[], choices: readonly number[]): string {
  let at = 0;
  const choose = (count: number): number => (choices[at++ % choices.length] ?? 0) % count;
  const space = (): string => ['', '', '', ' ', '\n', '\t \r\n'][choose(6)] ?? '';
  const joined = (parts: readonly string[]): string => parts.map((part) => space() + part + space()).join(',') || space();
  const member = (name: string, value: unknown): string => `${string(name)}${space()}:${space()}${text(value)}`;
  const charactersOf = (value: string): string[] => JSON.stringify(value).slice(1, -1).match(/\\u....|\\.|[^]/gu) ?? [];
  const string = (value: string): string => `"${charactersOf(value).map(escaped).join('')}"`;
  const escaped = (each: string): string => (each.length > 1 || choose(4) > 0 ? each : `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const text = (value: unknown): string => {
    if (typeof value === 'string') return string(value);
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    return Array.isArray(value) ? `[${joined(value.map(text))}]` : `{${joined(Object.entries(value).map(([name, each]) => member(name, each)))}}`;
  };
  return `${space()}{${joined(pairs.map(([name, value]) => member(name, value)))}}${space()}`;
}

/** Any members, names among them that come more than once, and how they are written. */
export const anyMembers = fc.array(
  fc.tuple(fc.oneof(fc.constantFrom('model', 'stream', 'a', '__proto__', ''), fc.string({ unit: anyCharacter, maxLength: 12 })), fc.jsonValue()),
  { maxLength: 8 },
);
export const anyChoices = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 40 });
