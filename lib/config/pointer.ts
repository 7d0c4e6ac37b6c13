/** JSON pointer (RFC 6901) to a place in the file; '' is the root. */
export type Pointer = string;

/** The pointer to a member of what `parent` points at. */
export function child(parent: Pointer, key: string | number): Pointer {
  return `${parent}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The pointer to what holds it, or null at the root. */
export function parentOf(pointer: Pointer): Pointer | null {
  return pointer === '' ? null : pointer.slice(0, pointer.lastIndexOf('/'));
}

/** Its keys and indexes, outermost first. */
export function segments(pointer: Pointer): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A pointer for people: `consumers.mvoice.health.path`, `access.allow[0]`, `consumers["a b"].url`. */
export function wherePointer(pointer: Pointer): string {
  return segments(pointer).reduce((where, segment) => where + step(segment, where === ''), '');
}

function step(segment: string, first: boolean): string {
  if (/^[0-9]+$/.test(segment)) return `[${segment}]`;
  if (!/^[A-Za-z0-9_<>-]+$/.test(segment)) return `[${JSON.stringify(segment)}]`;
  return first ? segment : `.${segment}`;
}
