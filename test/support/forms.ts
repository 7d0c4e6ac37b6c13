import fc from 'fast-check';

/** A part as a test wants it. */
export interface WantedPart {
  readonly name: string;
  readonly fileName: string | null;
  readonly value: Buffer;
}

/** A form written part by part. */
export interface WrittenForm {
  readonly boundary: string;
  readonly body: Buffer;
  /** Where each part has its delimiter line and its value. */
  readonly places: readonly { readonly start: number; readonly valueStart: number; readonly valueEnd: number }[];
  readonly close: number;
}

/** Of characters that RFC 2046 allows, also at their worst: dashes, and parts of themselves. */
export const anyBoundary = fc.oneof(
  fc.constantFrom('-', '--', '---', 'a', 'aa-aa', 'x'.repeat(70)),
  fc.stringMatching(/^[0-9A-Za-z'()+_,./:=? -]{0,20}[0-9A-Za-z'()+_,./:=?-]$/),
);

/** Content that nearly has the delimiter in it. */
export function anyContent(boundary: string): fc.Arbitrary<Buffer> {
  const most = boundary.slice(0, -1);
  const pieces = ['\r', '\n', '\r\n', '-', '--', '\r\n--', boundary, most, `\r\n--${most}`, `\n--${boundary}`, ` --${boundary}`];
  const piece = fc.oneof(fc.constantFrom(...pieces).map((text) => Buffer.from(text)), fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)));
  const isFit = (value: Buffer): boolean => !Buffer.concat([Buffer.from('\r\n'), value, Buffer.from('\r\n--')]).includes(`\r\n--${boundary}`);
  return fc.array(piece, { maxLength: 8 }).map((all) => Buffer.concat(all)).filter(isFit);
}

/** Names that are written as they are. */
export const anyName = fc.oneof(fc.constantFrom('model', 'file', 'timestamp_granularities[]'), fc.stringMatching(/^[^"%\\\0\r\n]{0,12}$/));

/** Any form with its parts. */
export const anyForm = anyBoundary.chain((boundary) => fc.record({
  boundary: fc.constant(boundary),
  preamble: anyContent(boundary),
  epilogue: anyContent(boundary),
  parts: fc.array(fc.record({ name: anyName, fileName: fc.option(anyName), value: anyContent(boundary) }), { maxLength: 6 }),
  padding: fc.constantFrom('', ' ', '\t  '),
}));

/** Writes it as clients do. */
export function writtenForm({ boundary, preamble, epilogue, parts, padding }: Wanted): WrittenForm {
  const places: WrittenForm['places'][number][] = [];
  let body = preamble.length === 0 ? preamble : Buffer.concat([preamble, Buffer.from('\r\n')]);
  for (const { name, fileName, value } of parts) {
    const file = fileName === null ? '' : `; filename="${fileName}"\r\nContent-Type: audio/wav`;
    const head = Buffer.from(`--${boundary}${padding}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`);
    const valueStart = body.length + head.length;
    places.push({ start: body.length, valueStart, valueEnd: valueStart + value.length });
    body = Buffer.concat([body, head, value, Buffer.from('\r\n')]);
  }
  return { boundary, body: Buffer.concat([body, Buffer.from(`--${boundary}--`), epilogue]), places, close: body.length };
}

type Wanted = typeof anyForm extends fc.Arbitrary<infer Form> ? Form : never;
