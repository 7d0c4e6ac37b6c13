import type { Exchange } from './http.ts';

/** Which bytes were asked for; both ends inclusive. */
export type Range = { readonly first: number; readonly last: number } | 'whole' | 'unsatisfiable';

/** Reads a `Range` header for `size` bytes. Only a single range is honoured; what cannot be read asks for the whole. */
export function parseRange(header: string | undefined, size: number): Range {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from !== '') return between(Number(from), to === '' ? size - 1 : Number(to), size);
  return to === '' ? 'whole' : lastBytes(Number(to), size);
}

function between(first: number, last: number, size: number): Range {
  if (first >= size) return 'unsatisfiable';
  return last < first ? 'whole' : { first, last: Math.min(last, size - 1) };
}

function lastBytes(count: number, size: number): Range {
  return count === 0 || size === 0 ? 'unsatisfiable' : { first: Math.max(0, size - count), last: size - 1 };
}

/** Sends `bytes`, or the part of them that was asked for. */
export function sendRanged({ request, response }: Exchange, type: string, bytes: Buffer): void {
  const range = parseRange(request.headers.range, bytes.length);
  response.setHeader('Accept-Ranges', 'bytes');
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}`, 'Content-Length': 0 }).end();
    return;
  }
  response.setHeader('Content-Type', type);
  if (range === 'whole') {
    response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes);
    return;
  }
  const part = bytes.subarray(range.first, range.last + 1);
  const contentRange = `bytes ${range.first}-${range.last}/${bytes.length}`;
  response.writeHead(206, { 'Content-Range': contentRange, 'Content-Length': part.length }).end(part);
}
