import type { RequestHead } from './request-head.ts';

/** So many bytes of each body are kept. */
const KEPT_BODY_BYTES = 1024 * 1024;
/** Below jest's own limit, so that the message that says what was seen comes first. */
const WAIT_LIMIT_MS = 15_000;

/** One request as the consumer saw it. Times are monotonic, ms. */
export interface RecordedRequest extends RequestHead {
  /** Whether it counts as work on the GPU. */
  readonly gpu: boolean;
  readonly startedAt: number;
  /** When its script ended. */
  readonly endedAt?: number;
  /** The peer left before the script ended. */
  readonly aborted?: boolean;
  /** What the script has read of the body, at most 1 MiB of it. */
  readonly body?: Buffer;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Entry = Mutable<RecordedRequest>;

/** The ordered record of a fake consumer's requests. */
export class RequestLog {
  readonly #entries: Entry[] = [];
  readonly #watchers = new Set<() => void>();
  #active = 0;
  #peakActive = 0;

  get requests(): readonly RecordedRequest[] {
    return this.#entries;
  }

  get active(): number {
    return this.#active;
  }

  get peakActive(): number {
    return this.#peakActive;
  }

  /** Notes that a request has arrived. */
  begin(head: RequestHead, gpu: boolean): RequestEntry {
    const entry: Entry = { ...head, gpu, startedAt: performance.now() };
    this.#entries.push(entry);
    if (gpu) this.#peakActive = Math.max(this.#peakActive, ++this.#active);
    this.#notify();
    return {
      addBody: (bytes) => {
        const body = entry.body ?? Buffer.alloc(0);
        entry.body = Buffer.concat([body, bytes.subarray(0, KEPT_BODY_BYTES - body.length)]);
        this.#notify();
      },
      end: (aborted) => {
        entry.endedAt = performance.now();
        entry.aborted = aborted;
        if (gpu) this.#active -= 1;
        this.#notify();
      },
    };
  }

  /** The first request, seen already or still to come, for which `matches` holds. */
  async waitFor(matches: (request: RecordedRequest) => boolean, limitMs = WAIT_LIMIT_MS): Promise<RecordedRequest> {
    const find = (): RecordedRequest | undefined => this.#entries.find(matches);
    return find() ?? (await this.#watch(find, limitMs));
  }

  #watch(find: () => RecordedRequest | undefined, limitMs: number): Promise<RecordedRequest> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`waited ${limitMs} ms for a request; seen: ${this.#describe()}`));
      }, limitMs);
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
    });
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look();
  }

  #describe(): string {
    const lines = this.#entries.map(({ method, path, endedAt, aborted }) => {
      const state = endedAt === undefined ? 'open' : aborted === true ? 'aborted' : 'ended';
      return `${method} ${path} (${state})`;
    });
    return lines.join(', ') || 'none';
  }
}

/** The log's view of a request that is under way. */
export interface RequestEntry {
  addBody(bytes: Buffer): void;
  end(aborted: boolean): void;
}
