import { createHash } from 'node:crypto';
import type { Scope } from '../../lib/config/types.gen.ts';

/** A key as the configuration has it. */
export function keyEntry(name: string, key: string, scopes: readonly Scope[]): { name: string; sha256: string; scopes: readonly Scope[] } {
  return { name, sha256: createHash('sha256').update(key).digest('hex'), scopes };
}
