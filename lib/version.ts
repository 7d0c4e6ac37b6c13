import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version in `package.json`, which lies above this file both in the sources and in what is built from them. */
export function version(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const found = versionIn(join(folder, 'package.json'));
    if (found !== null) return found;
  }
  return 'unknown';
}

function versionIn(path: string): string | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : null;
  } catch {
    return null;
  }
}
