import type { IncomingMessage } from 'node:http';

/** Hop-by-hop headers (RFC 9110 section 7.6.1 and the older names that programs still send). */
const HOP_BY_HOP: readonly string[] = ['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** What every request to the daemon gets. */
export interface Shown {
  readonly host: string;
  readonly token: string;
  readonly key?: string | undefined;
}

/** Headers for the daemon, as name, value, name, value…: the client's own bytes, but for the host, the lease and the key. */
export function leasedHeaders(req: IncomingMessage, { host, token, key }: Shown): string[] {
  // Said again, as Node would send the body of some methods with no framing at all.
  const framing = req.headers['transfer-encoding'] === undefined ? [] : ['Transfer-Encoding', 'chunked'];
  // Not as `Authorization`, which the client may have for the consumer.
  const shown = key === undefined ? [] : ['x-api-key', key];
  const replaced = ['host', 'x-gpu-lease', ...(key === undefined ? [] : ['x-api-key'])];
  return ['Host', host, ...without(req, [...HOP_BY_HOP, ...replaced]), ...framing, 'X-GPU-Lease', token, ...shown];
}

/** Headers for the client, as name, value, name, value…: the daemon's own bytes. */
export function returnedHeaders(answer: IncomingMessage): string[] {
  return without(answer, HOP_BY_HOP);
}

/** Without those names and those that `Connection` makes hop-by-hop. Framing cannot be nominated away: without it a body has no end. */
function without({ rawHeaders, headers }: IncomingMessage, names: readonly string[]): string[] {
  const nominated = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...names, ...nominated.filter((name) => name !== 'content-length')]);
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = [rawHeaders[index], rawHeaders[index + 1]];
    if (!dropped.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
