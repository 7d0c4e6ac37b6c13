import { pipeline, Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { TransformCallback } from 'node:stream';
import { splicedLength } from '../core/body-edits.ts';
import type { Splice } from '../core/body-edits.ts';
import type { TakenBody } from './taken-body.ts';

/** The body with the splices in it. It is edited on its way out, and stays as it is. */
export function editedBody(body: TakenBody, splices: readonly Splice[]): TakenBody {
  if (splices.length === 0) return body;
  const length = splicedLength(body.length, splices);
  const edited = (): Transform => {
    const editing = new Editing(splices);
    body.sendTo(editing);
    return editing;
  };
  return {
    length,
    // Whichever side breaks, the other is destroyed; each knows by itself what that means for it.
    sendTo: (destination) => void pipeline(edited(), destination, () => undefined),
    peek: () => body.peek(),
    read: async (limit) => (length > limit ? null : readAll(edited())),
    discard: () => body.discard(),
  };
}

/** Passes a body on with splices in it, without copying what is around them. */
class Editing extends Transform {
  readonly #splices: readonly Splice[];
  /** The splice that comes next. */
  #next = 0;
  /** Of the chunk under way, within the body. */
  #offset = 0;
  /** What comes before it has been sent, or stood in for. */
  #done = 0;

  constructor(splices: readonly Splice[]) {
    super();
    this.#splices = splices;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    const end = this.#offset + chunk.length;
    for (let splice = this.#splices[this.#next]; splice !== undefined && splice.start < end; splice = this.#splices[this.#next]) {
      this.#send(chunk, splice.start);
      this.#put(splice);
    }
    this.#send(chunk, end);
    this.#offset = end;
    callback();
  }

  override _flush(callback: TransformCallback): void {
    for (const splice of this.#splices.slice(this.#next)) this.#put(splice);
    callback();
  }

  /** Up to the offset `to` of the body. */
  #send(chunk: Buffer, to: number): void {
    if (to <= this.#done) return;
    this.push(chunk.subarray(this.#done - this.#offset, to - this.#offset));
    this.#done = to;
  }

  #put({ bytes, end }: Splice): void {
    if (bytes.length > 0) this.push(bytes);
    this.#done = end;
    this.#next += 1;
  }
}

async function readAll(source: Transform): Promise<Buffer> {
  const chunks: Buffer[] = [];
  source.on('data', (chunk: Buffer) => chunks.push(chunk));
  await finished(source);
  return Buffer.concat(chunks);
}
