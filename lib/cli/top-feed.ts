import { setTimeout as delay } from 'node:timers/promises';
import { ask, QUICK_MS, type Answer, type DaemonAddress, type Failure } from './client.ts';
import { listen, type Heard } from './event-source.ts';
import { NO_PICTURE, withEvent, withQueue, withSnapshot, withStatus, type Picture } from './top-picture.ts';

/** Between two looks where events tell when to look, and where they do not. ms. */
const LIVE_LOOK_MS = 5000;
const POLL_MS = 1000;
/** Many events come together; one look is for all of them. ms. */
const GATHER_MS = 200;

/** Keeps the picture of a daemon up to date: events say when something has changed, a look says what. */
export class TopFeed {
  readonly #daemon: DaemonAddress;
  readonly #onChange: () => void;
  readonly #ending = new AbortController();
  #picture = NO_PICTURE;
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(daemon: DaemonAddress, onChange: () => void) {
    this.#daemon = daemon;
    this.#onChange = onChange;
  }

  get picture(): Picture {
    return this.#picture;
  }

  /** Looks once. Returns why there is nothing to see; null: there is. */
  async look(): Promise<Failure | null> {
    const [status, queue] = await Promise.all([this.#ask('/v1/status'), this.#ask('/v1/queue')]);
    if (this.#ending.signal.aborted) return null;
    if (status.kind !== 'answer') {
      this.#become({ ...this.#picture, link: { state: 'lost', message: status.message } });
      return status;
    }
    const seen = withStatus(this.#picture, status.body);
    const link = seen.link.state === 'lost' ? ({ state: 'polling' } as const) : seen.link;
    this.#become(withQueue({ ...seen, link }, queue.kind === 'answer' ? queue.body : null, new Date()));
    return seen.status === null ? { kind: 'stranger', message: `${this.#daemon.url} answers, but not as mGPUmanager does` } : null;
  }

  /** Learns from a snapshot what has happened before, if this daemon has such. */
  async recall(): Promise<void> {
    const source = { ...this.#daemon, path: '/v1/events', signal: this.#ending.signal, pause: async () => false };
    for await (const heard of listen(source)) {
      this.#hear(heard);
      if (heard.kind !== 'event' || heard.type === 'snapshot') break;
    }
  }

  /** Begins to listen, and to look. */
  start(): void {
    this.#lookIn(POLL_MS);
    void this.#listen();
  }

  stop(): void {
    this.#ending.abort();
    clearTimeout(this.#timer);
  }

  #ask(path: string): Promise<Answer> {
    return ask({ ...this.#daemon, method: 'GET', path, timeoutMs: QUICK_MS, signal: this.#ending.signal });
  }

  async #listen(): Promise<void> {
    const { signal } = this.#ending;
    const pause = (ms: number): Promise<boolean> => delay(ms, true, { signal }).catch(() => false);
    for await (const heard of listen({ ...this.#daemon, path: '/v1/events', signal, pause })) this.#hear(heard);
  }

  #hear(heard: Heard): void {
    if (this.#ending.signal.aborted) return;
    if (heard.kind === 'lost') {
      this.#lookIn(GATHER_MS);
      return this.#become({ ...this.#picture, link: { state: 'lost', message: heard.message } });
    }
    // Without events it is asked more often, which has begun already.
    if (heard.kind !== 'event') return;
    if (heard.type === 'snapshot') return this.#become(withSnapshot(this.#picture, heard.data, new Date()));
    this.#become({ ...withEvent(this.#picture, heard.data), link: { state: 'live' } });
    this.#lookIn(GATHER_MS);
  }

  /** Sooner than planned, never later. */
  #lookIn(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isLooking || this.#ending.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#round(), ms);
  }

  async #round(): Promise<void> {
    this.#isLooking = true;
    await this.look();
    this.#isLooking = false;
    this.#lookIn(this.#picture.link.state === 'live' ? LIVE_LOOK_MS : POLL_MS);
  }

  #become(picture: Picture): void {
    this.#picture = picture;
    this.#onChange();
  }
}
