/** One field or file of a form. */
export interface Part {
  readonly name: string;
  /** null: a plain field. */
  readonly filename: string | null;
  readonly bytes: Buffer;
}

/** The parts of a `multipart/form-data` body; null when it is none. */
export function parseMultipart(contentType: string | undefined, body: Buffer): Part[] | null {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];
  if (boundary === undefined) return null;
  const mark = `--${boundary}`;
  const parts: Part[] = [];
  for (let at = body.indexOf(mark); at >= 0; ) {
    const from = at + mark.length + 2;
    const to = body.indexOf(`\r\n${mark}`, from);
    if (to < 0) break;
    const part = parsePart(body.subarray(from, to));
    if (part !== null) parts.push(part);
    at = to + 2;
  }
  return parts;
}

function parsePart(bytes: Buffer): Part | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = bytes.toString('utf8', 0, end);
  const name = /[; ]name="([^"]*)"/i.exec(head)?.[1];
  if (name === undefined) return null;
  const filename = /filename="([^"]*)"/i.exec(head)?.[1] ?? null;
  return { name, filename, bytes: bytes.subarray(end + 4) };
}
