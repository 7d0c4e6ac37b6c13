import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A configuration has a few KiB; more than this is another file. Bytes. */
export const LARGEST_FILE = 2 ** 20;

/** The text of a file, or why there is none. */
export type FileText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly got: string };

const REASONS = new Map([
  ['ENOENT', 'no such file'],
  ['EISDIR', 'a directory'],
  ['EACCES', 'a file that may not be read (permission denied)'],
  ['EPERM', 'a file that may not be read (permission denied)'],
  ['ENOTDIR', 'a path that goes through something that is no directory'],
  ['ELOOP', 'a symbolic link that leads to itself'],
  ['ENAMETOOLONG', 'a name that is too long'],
]);

/** Reads a UTF-8 file of at most LARGEST_FILE bytes, with or without a byte order mark. Never throws. */
export function readText(path: string): FileText {
  return readOpen(path, (file) => decode(readBytes(file)));
}

/** The same of a file with secrets, which nobody but this user and root can read or replace. Never throws. */
export function readPrivateText(path: string): FileText {
  return readOpen(path, (file) => {
    const fault = openness(file);
    return fault === null ? decode(readBytes(file)) : { ok: false, got: fault };
  });
}

function readOpen(path: string, read: (file: number) => FileText): FileText {
  try {
    const file = openSync(path, 'r');
    try {
      return read(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { ok: false, got: reasonOf(error) };
  }
}

/** Who else gets at an open file; null: nobody. Of the open file and not of its path, which may be another one by then. */
function openness(file: number): string | null {
  const { mode, uid } = fstatSync(file);
  const self = process.getuid?.() ?? uid;
  if (uid !== self && uid !== 0) return `one that belongs to another user (uid ${uid})`;
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  return (mode & 0o077) === 0 ? null : `one that others may read or write (mode ${bits}; chmod 600 helps)`;
}

/** One byte more than allowed is enough to know, so a huge or endless file costs nothing. */
function readBytes(file: number): Buffer {
  const buffer = Buffer.alloc(LARGEST_FILE + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = readSync(file, buffer, length, buffer.length - length, null);
  }
  return buffer.subarray(0, length);
}

function decode(bytes: Buffer): FileText {
  if (bytes.length > LARGEST_FILE) return { ok: false, got: 'more than 1 MiB' };
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    const line = new TextDecoder().decode(bytes).split('\ufffd', 1).join('').split('\n').length;
    return { ok: false, got: `bytes on line ${line} that are not UTF-8` };
  }
}

function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
  return REASONS.get(code) ?? `an error of the system (${code})`;
}
