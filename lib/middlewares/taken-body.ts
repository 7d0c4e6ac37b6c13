import type { Writable } from 'node:stream';

/** A request body that has been taken in whole. */
export interface TakenBody {
  /** Bytes. */
  readonly length: number;
  /** Sends all of it and ends the destination. */
  sendTo(destination: Writable): void;
  /** Its text where it is small enough to be in memory, also after `discard`; else empty. */
  peek(): string;
  /** Gives its memory and disk back; more than once does no harm. */
  discard(): void;
}
