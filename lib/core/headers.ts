/** Headers by name in lower case. */
export type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;

/** Header lines that a request may have; browsers and SDKs send some 30. */
export const MOST_HEADERS = 100;

/** Hop-by-hop headers (RFC 9110 section 7.6.1 and the older names that servers still send). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Headers of a client that a consumer must not see: identity that only a trusted proxy may state, `Origin`, which
 * Ollama and ComfyUI answer with 403 unless it is their own, what is meant for us, and what makes some frameworks take a
 * request for another one than that which was checked.
 */
const NOT_FORWARDED = new Set([
  'expect',
  'forwarded',
  'host',
  'origin',
  'prefer',
  'true-client-ip',
  'x-client-ip',
  'x-consumer',
  'x-gpu-lease',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-real-ip',
  'x-request-id',
  'x-rewrite-url',
]);

/**
 * Headers of a consumer that only we may state, that tell what it is to everybody who looks, or that would bind browsers for all of this
 * host: to HTTPS, to another server, to forget what our pages keep, or to a worker of its own that stands between them and us.
 */
const NOT_RETURNED = new Set([
  'alt-svc',
  'clear-site-data',
  'server',
  'server-timing',
  'service-worker-allowed',
  'strict-transport-security',
  'x-consumer',
  'x-powered-by',
  'x-request-id',
]);
/** Who may read us from a web page is ours to say; some servers allow everybody. */
const CORS_PREFIX = 'access-control-';

/** Families of headers of which the same holds. */
const NOT_FORWARDED_PREFIX = /^(?:x-forwarded|tailscale)-/;

/** Whether a header of the client goes on to the consumer. `name` is in lower case. */
export function isForwarded(name: string, nominated: ReadonlySet<string>): boolean {
  // Servers of the CGI school take an underscore for a hyphen.
  const plain = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (plain === 'content-length' && plain !== name) return false;
  return !HOP_BY_HOP.has(plain) && !NOT_FORWARDED.has(plain) && !nominated.has(name) && !NOT_FORWARDED_PREFIX.test(plain);
}

/** What of an answer depends on how it was asked for. */
export interface Returning {
  readonly connection: string | undefined;
  /** Its page lives behind a door of ours and may have cookies there. */
  readonly keepsCookies: boolean;
}

/** Headers for the client, as name, value, name, value…: the consumer's own bytes less hop-by-hop ones and those that are ours. */
export function returnedHeaders(rawHeaders: readonly string[], { connection, keepsCookies }: Returning): string[] {
  const nominated = namedBy(connection);
  const result: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || NOT_RETURNED.has(lower) || nominated.has(lower) || lower.startsWith(CORS_PREFIX)) continue;
    if (lower === 'set-cookie' && !keepsCookies) continue;
    result.push(name, value);
  }
  return result;
}

const NONE: ReadonlySet<string> = new Set();

/** Header names that a `Connection` value makes hop-by-hop. Framing cannot be nominated away: without it a body has no end. */
export function namedBy(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return NONE;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return new Set(names.filter((name) => name !== 'content-length' && name !== 'host'));
}

const SANE_ID = /^[\w.-]{1,128}$/;

/** The client's request id if it is one that can go into logs and headers as it is. */
export function saneRequestId(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && SANE_ID.test(header) ? header : null;
}

/** Longest wait that a client asks for, in ms: `Prefer: wait=SECONDS` (RFC 7240) or `X-Stainless-Timeout` (seconds); null: it does not say. */
export function requestedWaitMs(headers: HeaderMap): number | null {
  const preferred = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(String(headers['prefer'] ?? ''))?.[1];
  const stainless = /^\d{1,9}(?:\.\d+)?$/.exec(String(headers['x-stainless-timeout'] ?? ''))?.[0];
  const limits = [preferred, stainless].filter((text) => text !== undefined).map((text) => Number(text) * 1000);
  return limits.length === 0 ? null : Math.min(...limits);
}

/** Times of one exchange, in ms; undefined: that stage did not apply. */
export interface StageTimes {
  queue?: number;
  evict?: number;
  load?: number;
  upstream?: number;
}

/** `Server-Timing` of the stages that applied, in the order in which they happen. */
export function serverTiming(times: StageTimes): string {
  const parts: string[] = [];
  for (const stage of ['queue', 'evict', 'load', 'upstream'] as const) {
    const duration = times[stage];
    if (duration !== undefined) parts.push(`${stage};dur=${duration.toFixed(1)}`);
  }
  return parts.join(', ');
}
