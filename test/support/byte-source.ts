import type { Socket } from 'node:net';

/** A consumer that does not read makes its peer wait: beyond so many unread bytes nothing more is taken from the socket. */
const HIGH_WATER_BYTES = 64 * 1024;

/** Reads a socket's bytes on demand. One reader at a time. */
export class ByteSource {
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #discarding = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Starts taking bytes; also notices that the peer has left while nobody reads. */
  attach(): void {
    this.#socket.on('data', (bytes: Buffer) => {
      if (this.#discarding) return;
      this.#buffer = Buffer.concat([this.#buffer, bytes]);
      if (this.#buffer.length > HIGH_WATER_BYTES) this.#socket.pause();
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    this.#socket.once('end', end).once('close', end);
  }

  /** At least one and at most `max` bytes; empty when the peer has ended. */
  async read(max: number): Promise<Buffer> {
    while (this.#buffer.length === 0) if (!(await this.#more())) break;
    return this.#take(Math.min(max, this.#buffer.length));
  }

  /** Everything up to and including `mark`; null when the peer ended first. */
  async readThrough(mark: string): Promise<Buffer | null> {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      if (!(await this.#more())) return null;
    }
  }

  /** Throws away what still comes, so that the peer's end is noticed. */
  discard(): void {
    this.#discarding = true;
    this.#socket.resume();
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const length = this.#buffer.length;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#socket.resume();
    });
    return this.#buffer.length > length;
  }
}
