import { createHash } from 'node:crypto';

const DIMENSIONS = 16;
const FLOAT_BYTES = 4;

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

/** What `data` holds in OpenAI's API. `format` is its `encoding_format`; OpenAI's own clients ask for base64: floats of 32 bit, little-endian. */
export function embeddingList(inputs: readonly string[], format: unknown): readonly object[] {
  return inputs.map((text, index) => {
    const vector = embeddingOf(text);
    return { object: 'embedding', embedding: format === 'base64' ? asBase64(vector) : vector, index };
  });
}

function asBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * FLOAT_BYTES);
  vector.forEach((value, at) => bytes.writeFloatLE(value, at * FLOAT_BYTES));
  return bytes.toString('base64');
}
