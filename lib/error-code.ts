/** Code of a system error such as `ENOENT`; null: it has none. By shape and not by class: under jest Node's own errors are no `Error`. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
