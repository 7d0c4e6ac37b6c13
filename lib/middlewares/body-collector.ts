import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { BrokerError, CLIENT_LEFT } from '../errors.ts';
import type { Spool, SpoolFile } from './spool.ts';
import type { TakenBody } from './taken-body.ts';

/** Bounds on one body. Sizes in bytes, time in ms. */
export interface BodyLimits {
  readonly body: number;
  /** For all bodies on disk together. */
  readonly spool: number;
  /** Longest time without a byte. */
  readonly idleMs: number;
  /** Longest time for all of it: a client must not hold its place for ever by a byte now and then. */
  readonly totalMs: number;
}

/** How one body is taken in. */
export interface BodyIntake extends BodyLimits {
  /** Sees all chunks in order while they come in. Must keep none, and not throw. */
  readonly scanner?: { feed(chunk: Uint8Array): void } | null;
}

/** As much as this stays in memory; what is larger goes to disk. */
const IN_MEMORY = 64 * 1024;
/** Chunks are joined at this number. */
const MANY_CHUNKS = 64;

/** Takes in one request body, so that the card is never held while a client uploads. */
export class BodyCollector {
  readonly #req: IncomingMessage;
  readonly #limits: BodyIntake;
  readonly #spool: Spool;
  readonly #outcome = Promise.withResolvers<TakenBody>();
  readonly #timer: NodeJS.Timeout;
  readonly #totalTimer: NodeJS.Timeout;
  #chunks: Buffer[] = [];
  #file: SpoolFile | null = null;
  #length = 0;
  /** Bytes in memory. */
  #pending = 0;
  /** Bytes on disk, or on their way there. */
  #spooled = 0;
  /** The last writing to disk; null: all is in memory. */
  #spilled: Promise<void> | null = null;
  #isOver = false;

  constructor(req: IncomingMessage, limits: BodyIntake, spool: Spool) {
    this.#req = req;
    this.#limits = limits;
    this.#spool = spool;
    this.#timer = setTimeout(() => this.#fail(tooSlow(limits.idleMs)), limits.idleMs);
    this.#totalTimer = setTimeout(() => this.#fail(tooLong(limits.totalMs)), limits.totalMs);
  }

  /** Resolves with the whole body. Rejects with a BrokerError, or with CLIENT_LEFT. */
  collect(): Promise<TakenBody> {
    this.#req.on('data', this.#onData);
    this.#req.once('end', this.#onEnd);
    this.#req.once('close', this.#onClose);
    return this.#outcome.promise;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#timer.refresh();
    this.#limits.scanner?.feed(chunk);
    this.#length += chunk.length;
    this.#pending += chunk.length;
    this.#chunks.push(chunk);
    // A client that sends bytes one by one must not make us keep an object for each.
    if (this.#chunks.length >= MANY_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
    if (this.#length > this.#limits.body) this.#fail(tooLarge(this.#limits.body));
    else if (this.#pending > IN_MEMORY) this.#spillWhilePaused();
  };

  #spillWhilePaused(): void {
    this.#req.pause();
    this.#spilled = this.#spill();
    this.#spilled.then(
      () => {
        // It was the disk that took so long.
        if (!this.#isOver) this.#timer.refresh();
        this.#req.resume();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Moves what is in memory to the file. Rejects with a BrokerError. */
  async #spill(): Promise<void> {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#pending = 0;
    if (!this.#spool.take(bytes.length, this.#limits.spool)) throw spoolFull(this.#limits.spool);
    this.#spooled += bytes.length;
    try {
      this.#file ??= await this.#spool.createFile();
      await this.#file.append(bytes);
    } catch (cause) {
      throw new BrokerError('queueFull', 'the request body cannot be kept: the temporary folder takes no more', { retryAfterS: 5, cause });
    } finally {
      // The client may have left while the disk was busy.
      if (this.#isOver) this.#discard();
    }
  }

  // `pause` does not hold back the end that follows the last chunk, so it can come while that chunk is still on its way to the disk.
  readonly #onEnd = (): void => {
    this.#stopTimers();
    this.#req.off('close', this.#onClose);
    if (this.#spilled === null) this.#succeed(inMemory(this.#chunks, this.#length));
    else this.#spilled.then(() => this.#endOnDisk(), (error: unknown) => this.#fail(error));
  };

  #endOnDisk(): void {
    const rest = this.#pending === 0 ? Promise.resolve() : this.#spill();
    rest.then(
      () => this.#succeed(this.#onDisk()),
      (error: unknown) => this.#fail(error),
    );
  }

  #onDisk(): TakenBody {
    const length = this.#length;
    return {
      length,
      sendTo: (destination) => this.#file?.sendTo(destination),
      peek: () => '',
      read: async (limit) => (length > limit ? null : (await this.#file?.read()) ?? null),
      discard: () => this.#discard(),
    };
  }

  #succeed(body: TakenBody): void {
    if (this.#finish()) this.#outcome.resolve(body);
  }

  readonly #onClose = (): void => this.#fail(CLIENT_LEFT);

  #fail(error: unknown): void {
    if (!this.#finish()) return;
    this.#discard();
    this.#outcome.reject(error);
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#stopTimers();
    this.#req.off('data', this.#onData);
    this.#req.off('end', this.#onEnd);
    this.#req.off('close', this.#onClose);
    return true;
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#totalTimer);
  }

  #discard(): void {
    this.#chunks = [];
    this.#file?.discard();
    this.#spool.give(this.#spooled);
    this.#spooled = 0;
  }
}

/** A body of a few chunks, or none. */
export function inMemory(chunks: readonly Buffer[], length: number): TakenBody {
  return {
    length,
    sendTo: (destination: Writable): void => {
      for (const chunk of chunks) destination.write(chunk);
      destination.end();
    },
    peek: () => Buffer.concat(chunks).toString('latin1'),
    read: async (limit) => (length > limit ? null : Buffer.concat(chunks)),
    discard: () => undefined,
  };
}

/** The refusal of a body over `limits.body` (bytes). */
export function tooLarge(limit: number): BrokerError {
  return new BrokerError('payloadTooLarge', `the request body is larger than limits.body (${limit} bytes)`);
}

function tooSlow(idleMs: number): BrokerError {
  return new BrokerError('requestTimeout', `no byte of the request body came for ${idleMs / 1000} s (timeouts.client_idle)`);
}

function tooLong(totalMs: number): BrokerError {
  return new BrokerError('requestTimeout', `the request body was not whole after ${totalMs / 1000} s (timeouts.client_total)`);
}

function spoolFull(limit: number): BrokerError {
  const message = `the request bodies that wait take up limits.spool (${limit} bytes) already`;
  return new BrokerError('queueFull', message, { retryAfterS: 5 });
}
