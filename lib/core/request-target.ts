import { doorOf } from './doors.ts';

/** Why a request target is refused, or null if it is plain. */
export type TargetFault = string | null;

/** Encoded dot, backslash, percent or NUL, also in overlong UTF-8: two servers may read them as two different paths. */
const ENCODED_TRAPS = /%(2e|5c|25|00|c[01]%[89ab]|e0%[89])/i;
/** The same holds for an encoded slash, but some servers have names with slashes in their paths. */
const ENCODED_SLASH = /%2f/gi;
const MODELS = '/v1/models/';
/** Everything outside printable ASCII, and the characters that RFC 3986 does not allow in a path but servers treat differently. */
const ODD_CHARACTERS = /[^!-~]|[\\<>^`{|}"#]/;
/** Servers of the Java school cut off what follows a semicolon before they look. */
const DOT_SEGMENT = /^\.{1,2}(;|%3b|$)/i;
const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})/i;

/**
 * Checks the path of a request target before it is routed or forwarded, so that a consumer can never see another
 * path than the one that was checked. The query is opaque to us and passes as it is. From `opaqueFrom` on a segment may hold encoded
 * slashes.
 */
export function faultOfPath(path: string, opaqueFrom = path.length): TargetFault {
  if (!path.startsWith('/')) return 'the request target must be a path that starts with /';
  if (ODD_CHARACTERS.test(path)) return 'the path holds a character that must be percent-encoded';
  if (MALFORMED_ESCAPE.test(path)) return 'the path holds a % that is not followed by two hexadecimal digits';
  const isTrap = ENCODED_TRAPS.test(path) || path.slice(0, opaqueFrom).search(ENCODED_SLASH) !== -1;
  if (isTrap) return 'the path holds an encoded dot, slash, backslash, percent sign or NUL';
  const segments = path.replaceAll(ENCODED_SLASH, '/').split('/').slice(1);
  if (segments.some((segment) => DOT_SEGMENT.test(segment))) return 'the path holds a dot segment';
  if (segments.slice(0, -1).includes('')) return 'the path holds an empty segment';
  return null;
}

/**
 * From where on encoded slashes are somebody else's business: ComfyUI saves workflows under `/userdata/workflows%2Fx.json`, and names
 * of models hold slashes. The way to the consumer itself is ours.
 */
export function opaqueFrom(path: string): number {
  if (path.startsWith(MODELS)) return MODELS.length;
  return doorOf(path)?.prefix.length ?? path.length;
}

/** Splits a request target at its first `?`; `query` keeps the question mark, so that path + query is the target again. */
export function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf('?');
  return at === -1 ? { path: target, query: '' } : { path: target.slice(0, at), query: target.slice(at) };
}
