import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessKey, Scope } from '../config/types.gen.ts';

interface Held {
  readonly key: AccessKey;
  readonly digest: Buffer;
}

/** The configured keys. Only their hashes are known here. */
export class KeyRing {
  /** Scopes that some key has; empty: there are no keys. */
  readonly scopes: ReadonlySet<Scope>;
  readonly #held: readonly Held[];

  constructor(keys: readonly AccessKey[]) {
    this.#held = keys.map((key) => ({ key, digest: Buffer.from(key.sha256, 'hex') }));
    this.scopes = new Set(keys.flatMap(({ scopes }) => scopes));
  }

  /** The key that a text is; null: none. All are compared, each in constant time, so that how long it takes tells nothing. */
  find(text: string): AccessKey | null {
    const digest = createHash('sha256').update(text).digest();
    let found: AccessKey | null = null;
    for (const held of this.#held) if (timingSafeEqual(held.digest, digest)) found = held.key;
    return found;
  }
}
