/** Why a request target is refused, or null if it is plain. */
export type TargetFault = string | null;

/** Encoded dot, slash, backslash, percent or NUL: two servers may read them as two different paths. */
const ENCODED_TRAPS = /%(2e|2f|5c|25|00)/i;
/** Everything outside printable ASCII, and the characters that RFC 3986 does not allow in a path but servers treat differently. */
const ODD_CHARACTERS = /[^!-~]|[\\<>^`{|}"#]/;
const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})/i;

/**
 * Checks the path of a request target before it is routed or forwarded, so that a consumer can never see another
 * path than the one that was checked. The query is opaque to us and passes as it is.
 */
export function faultOfPath(path: string): TargetFault {
  if (!path.startsWith('/')) return 'the request target must be a path that starts with /';
  if (ODD_CHARACTERS.test(path)) return 'the path holds a character that must be percent-encoded';
  if (MALFORMED_ESCAPE.test(path)) return 'the path holds a % that is not followed by two hexadecimal digits';
  if (ENCODED_TRAPS.test(path)) return 'the path holds an encoded dot, slash, backslash, percent sign or NUL';
  const segments = path.split('/').slice(1);
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'the path holds a dot segment';
  if (segments.slice(0, -1).includes('')) return 'the path holds an empty segment';
  return null;
}

/** Splits a request target at its first `?`; `query` keeps the question mark, so that path + query is the target again. */
export function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf('?');
  return at === -1 ? { path: target, query: '' } : { path: target.slice(0, at), query: target.slice(at) };
}
