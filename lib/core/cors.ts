import type { HeaderMap } from './headers.ts';

/** Our own headers, which a page may read only if they are named. */
const READABLE = 'X-Request-Id, X-Consumer, Server-Timing, Retry-After, retry-after-ms, x-should-retry';
/** A preflight counts for so long, s; browsers cut longer times to 2 h or less. */
const PREFLIGHT_S = 600;
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,1000}$/;

/** Headers that let a page of a listed origin read an answer: https://fetch.spec.whatwg.org/#http-cors-protocol */
export function corsHeaders(origin: string): Readonly<Record<string, string>> {
  return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': READABLE, Vary: 'Origin' };
}

/** Whether a browser asks beforehand what a page may do. */
export function isPreflight(method: string, headers: HeaderMap): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** The answer to that; what a request may then do is checked when it comes. */
export function preflightHeaders(headers: HeaderMap): Readonly<Record<string, string>> {
  const wanted = headers['access-control-request-headers'];
  return {
    'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    ...(typeof wanted === 'string' && HEADER_NAMES.test(wanted) ? { 'Access-Control-Allow-Headers': wanted } : {}),
    // Asked by Chrome where a page of the internet calls a private address.
    ...(headers['access-control-request-private-network'] === 'true' ? { 'Access-Control-Allow-Private-Network': 'true' } : {}),
    'Access-Control-Max-Age': String(PREFLIGHT_S),
  };
}
