import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { Writable } from 'node:stream';

/** Where bodies go that are too large for memory, and how many bytes of them there are, against their bound. */
export class Spool {
  readonly #folder: string;
  #used = 0;

  constructor(folder: string = tmpdir()) {
    this.#folder = folder;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` if they fit under `limit`. */
  take(bytes: number, limit: number): boolean {
    if (this.#used + bytes > limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  /** A new file. Rejects with the system's error, such as ENOSPC or EMFILE. */
  createFile(): Promise<SpoolFile> {
    return SpoolFile.create(this.#folder);
  }
}

/** A temporary file without a name: the kernel frees it when the descriptor closes, also after SIGKILL. */
export class SpoolFile {
  readonly #handle: FileHandle;
  #length = 0;
  #readers = 0;
  #isDiscarded = false;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Rejects with the system's error, such as ENOSPC or EMFILE. */
  static async create(folder: string): Promise<SpoolFile> {
    const path = join(folder, `mgpumanager-${randomUUID()}`);
    const handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    await unlink(path);
    return new SpoolFile(handle);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends. Rejects with the system's error. */
  async append(chunk: Buffer): Promise<void> {
    await this.#handle.appendFile(chunk);
    this.#length += chunk.length;
  }

  /** Sends the whole file and ends the destination; a destination that breaks ends the reading. */
  sendTo(destination: Writable): void {
    if (this.#isDiscarded) {
      destination.destroy();
      return;
    }
    this.#readers += 1;
    const source = createReadStream('', { fd: this.#handle, autoClose: false, start: 0 });
    pipeline(source, destination, () => {
      this.#readers -= 1;
      this.#closeIfUnused();
    });
  }

  /** The whole file. Rejects with the system's error, and after `discard`. */
  async read(): Promise<Buffer> {
    if (this.#isDiscarded) throw new Error('the file has been closed');
    this.#readers += 1;
    try {
      return await this.#readAll(Buffer.allocUnsafe(this.#length));
    } finally {
      this.#readers -= 1;
      this.#closeIfUnused();
    }
  }

  async #readAll(bytes: Buffer): Promise<Buffer> {
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await this.#handle.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) throw new Error(`the file ends at byte ${at} of ${bytes.length}`);
      at += bytesRead;
    }
    return bytes;
  }

  /** Closes the file once nobody reads it any more. */
  discard(): void {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (!this.#isDiscarded || this.#readers > 0) return;
    this.#handle.close().catch(() => undefined);
  }
}
