import { errorCode } from '../error-code.ts';

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, 'the disk is full'],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, 'its file is damaged'],
  [/^(SQLITE_READONLY|EROFS)/, 'its file cannot be written'],
  [/^(SQLITE_CANTOPEN|SQLITE_PERM|EACCES|EPERM|ENOTDIR|EISDIR|EEXIST|ENOENT|ELOOP)/, 'its file cannot be opened'],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, 'another process uses its file'],
  [/^(SQLITE_IOERR|EIO|EFBIG)/, 'its disk cannot be written or read'],
];

/** A file that is none of ours, or of a later version. */
export class ForeignFile extends Error {}

/** Why the file cannot be used, in words that tell nothing of where it is. */
export function reasonOf(error: unknown): string {
  if (error instanceof ForeignFile) return error.message;
  const code = errorCode(error) ?? '';
  return REASONS.find(([codes]) => codes.test(code))?.[1] ?? 'its file cannot be used';
}

/** The file itself is broken: another try will not help. */
export function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(errorCode(error) ?? '');
}

/** Nothing has happened to what is open: it can go on once there is room. */
export function isPassing(error: unknown): boolean {
  return /^SQLITE_(FULL|BUSY|LOCKED)/.test(errorCode(error) ?? '');
}
