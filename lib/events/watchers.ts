import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { RETRY_FRAME, WATCH_HEADERS, eventFrame, eventIdIn, heartbeatFrame, positionId, watchFrame } from '../core/event-stream-format.ts';
import type { BrokerEvent, EventType } from '../core/events.ts';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { isWithin } from '../within.ts';
import type { EventLog } from './event-log.ts';
import { Watcher } from './watcher.ts';

/** What those who watch are served from. */
export interface WatchersOptions {
  readonly log: EventLog;
  readonly logger: Logger;
  /** Between two heartbeats, ms. Default: 15 s, half of what usual proxies allow. */
  readonly heartbeatMs?: number;
  /** Told of an answer that ends only when its client or the broker does. */
  onOpen(res: ServerResponse): void;
}

/** What somebody wants to watch. */
export interface WatchWish {
  /** null: all. */
  readonly types: ReadonlySet<EventType> | null;
  /** What it last read; null: nothing yet. */
  readonly lastEventId: string | null;
  /** How things are right now, for one who has read nothing. */
  snapshot(): Readonly<Record<string, unknown>>;
}

const HEARTBEAT_MS = 15_000;
/** A dashboard or two and some scripts for each who uses the card. */
const MOST_WATCHERS = 64;
const FULL_RETRY_S = 10;
/** As when any request is refused during a shutdown. s */
const SHUTDOWN_RETRY_S = 5;
/** So many events a snapshot begins with. */
const SNAPSHOT_EVENTS = 100;
/** For the last word at the end; one that does not read must not hold up the shutdown. ms */
const BYE_MS = 500;
const SCHEMA_VERSION = 1;

/** Tells events to those who watch, in the order in which they happen and without waiting for anybody. */
export class Watchers {
  readonly #options: WatchersOptions;
  /** Of this run: ids of events begin anew with each. */
  readonly #boot = randomUUID();
  readonly #open = new Set<Watcher>();
  #heartbeat: NodeJS.Timeout | undefined;
  #cut = 0;
  #isClosed = false;

  constructor(options: WatchersOptions) {
    this.#options = options;
    options.log.listen((event) => this.#tell(event));
  }

  /** How many watch. */
  get count(): number {
    return this.#open.size;
  }

  /** How many were cut, as they read too slowly. */
  get cut(): number {
    return this.#cut;
  }

  /**
   * Answers with a stream of events that ends with the client or the broker.
   * @throws BrokerError `overloaded` or `shutting_down`.
   */
  watch(res: ServerResponse, wish: WatchWish): void {
    if (this.#isClosed) throw new BrokerError('shuttingDown', 'the broker is shutting down', { retryAfterS: SHUTDOWN_RETRY_S });
    if (this.#open.size >= MOST_WATCHERS) {
      throw new BrokerError('overloaded', `${MOST_WATCHERS} clients watch the events already`, { retryAfterS: FULL_RETRY_S });
    }
    this.#options.onOpen(res);
    res.writeHead(200, WATCH_HEADERS);
    res.write(RETRY_FRAME);
    this.#add(res, this.#begin(res, wish));
  }

  /** Cuts all: who may watch has changed, and whoever comes back has to show that he still may. */
  dismiss(): void {
    for (const watcher of this.#open) watcher.cut();
  }

  /** Says goodbye to all, and takes nobody any more. Resolves within about half a second. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const left = Array.from(this.#open, (watcher) => watcher.end(watchFrame('bye', { schema_version: SCHEMA_VERSION, reason: 'the broker is stopping' })));
    await isWithin(BYE_MS, Promise.all(left));
  }

  #begin(res: ServerResponse, wish: WatchWish): Watcher {
    const { log } = this.#options;
    const { types, lastEventId } = wish;
    const seenId = lastEventId === null ? null : eventIdIn(lastEventId, this.#boot);
    const watcher = new Watcher(res, types);
    if (seenId !== null && log.keeps(seenId)) {
      this.#catchUp(watcher, seenId);
      return watcher;
    }
    if (lastEventId !== null) watcher.send(watchFrame('reset', { schema_version: SCHEMA_VERSION, reason: resetReason(seenId) }));
    const events = log.all().filter((event) => watcher.wants(event)).slice(-SNAPSHOT_EVENTS);
    const snapshot = { schema_version: SCHEMA_VERSION, boot: this.#boot, last_id: log.lastId, ...wish.snapshot(), events };
    // That of a long queue may be more than is ever kept unsent, and is no reason to cut one that reads.
    if (!watcher.send(watchFrame('snapshot', snapshot, positionId(log.lastId, this.#boot)))) this.#catchUpLater(watcher, log.lastId);
    return watcher;
  }

  #add(res: ServerResponse, watcher: Watcher): void {
    this.#open.add(watcher);
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#options.heartbeatMs ?? HEARTBEAT_MS).unref();
    res.once('close', () => {
      this.#open.delete(watcher);
      if (this.#open.size > 0) return;
      clearInterval(this.#heartbeat);
      this.#heartbeat = undefined;
    });
  }

  /** The bytes are made once, and all share them. */
  #tell(event: BrokerEvent): void {
    let frame: Buffer | null = null;
    for (const watcher of this.#open) {
      if (watcher.behindAt !== null && !this.#options.log.keeps(watcher.behindAt)) this.#cutSlow(watcher);
      if (watcher.behindAt !== null || !watcher.wants(event)) continue;
      frame ??= Buffer.from(eventFrame(event, this.#boot));
      watcher.sendSoon(frame);
      if (watcher.isTooSlow) this.#cutSlow(watcher);
    }
  }

  /** Tells what somebody missed only as fast as it is read: that may be more than is ever kept unsent for one who watches. */
  #catchUp(watcher: Watcher, seenId: number): void {
    for (const event of this.#options.log.since(seenId) ?? []) {
      if (!watcher.wants(event) || watcher.send(eventFrame(event, this.#boot))) continue;
      this.#catchUpLater(watcher, event.id);
      return;
    }
    watcher.behindAt = null;
  }

  /** Once it has read what was sent. Until then what happens is in the log alone. */
  #catchUpLater(watcher: Watcher, seenId: number): void {
    watcher.behindAt = seenId;
    watcher.whenDrained(() => this.#catchUp(watcher, seenId));
  }

  #cutSlow(watcher: Watcher): void {
    this.#cut += 1;
    this.#open.delete(watcher);
    watcher.cut();
    this.#options.logger.info('a client that watches the events was cut: it reads too slowly', { cut: this.#cut, watching: this.#open.size });
  }

  #beat(): void {
    const frame = Buffer.from(heartbeatFrame(positionId(this.#options.log.lastId, this.#boot)));
    for (const watcher of this.#open) {
      if (watcher.behindAt !== null) continue;
      watcher.send(frame);
      if (watcher.isTooSlow) this.#cutSlow(watcher);
    }
  }
}

/** Why one that has read something before begins anew. */
function resetReason(seenId: number | null): string {
  return seenId === null ? 'the id is none of this run of the broker' : 'not all events since then are kept';
}
