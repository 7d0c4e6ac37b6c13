import { createHash } from 'node:crypto';

const DIMENSIONS = 16;

/** The texts of an embedding request's `input`. */
export function inputsOf(input: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(input) ? input : [input];
  return all.filter((text) => typeof text === 'string').filter((text) => text !== '');
}

/** A vector of length 1 that depends on the text alone. */
export function embeddingOf(text: string): readonly number[] {
  const bytes = createHash('sha256').update(text).digest();
  const raw = Array.from({ length: DIMENSIONS }, (_, at) => bytes.readUInt8(at) - 127.5);
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
}
