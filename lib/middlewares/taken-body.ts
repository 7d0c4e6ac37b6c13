import type { Writable } from 'node:stream';

/** A request body that has been taken in whole. */
export interface TakenBody {
  /** Bytes. */
  readonly length: number;
  /** Sends all of it and ends the destination. */
  sendTo(destination: Writable): void;
  /** Its text where it is small enough to be in memory, also after `discard`; else empty. */
  peek(): string;
  /** All of it; null: more than `limit` bytes. Rejects with the system's error, and on disk after `discard`. */
  read(limit: number): Promise<Buffer | null>;
  /** Gives its memory and disk back; more than once does no harm. */
  discard(): void;
}
