import type { BrokerEvent } from '../core/events.ts';
import type { HistoryQuery } from '../core/history-query.ts';
import { historyTableOf, minuteOf } from '../core/history-tables.ts';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { isWithin } from '../within.ts';
import { HistoryThread } from './history-thread.ts';
import type { HistoryFormat, HistoryPage, HistoryReply, HistorySettings } from './messages.ts';

/** What happens is written in batches this far apart: so much is lost at most when the process is killed. ms */
const PACE_MS = 250;
/** So many are handed over at once: about a millisecond. */
const BATCH = 200;
/** Some minutes of a busy broker, and a few MiB. Of more the oldest are dropped. */
const MOST_UNWRITTEN = 10_000;
/** Until a file that could not be written is tried again. ms */
const RETRY_MS = 60_000;
/** Failed requests for paths of ours that are kept of one minute: whoever reaches the port can make them, also who is not let in, and must not push out all else. */
const MOST_FAILED = 10;
const MOST_READS = 16;
const READ_MS = 30_000;
const READ_RETRY_S = 5;
/** For the last batches at the end. ms */
const STOP_MS = 2000;

/** Writes what happens into one file, and reads from it. Nobody waits for the disk but who asks to read. */
export class Recorder {
  readonly #thread: HistoryThread;
  readonly #logger: Logger;
  #unwritten: BrokerEvent[] = [];
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #minute = '';
  #failed = { minute: '', count: 0 };
  #fault: string | null = null;
  #dropped = 0;
  #isDropTold = false;
  #reads = 0;
  #isStopped = false;

  constructor(settings: HistorySettings, logger: Logger) {
    this.#thread = new HistoryThread(settings);
    this.#logger = logger;
  }

  get file(): string {
    return this.#thread.settings.file;
  }

  /** Why nothing is written; null: it is. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Events that were never written. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes other limits; tries at once what could not be written before. Also the beginning: that is when one is told whether the file can be used. */
  use(settings: HistorySettings): void {
    this.#thread.settings = settings;
    this.#writeSoon(0);
  }

  note(event: BrokerEvent): void {
    if (historyTableOf(event) === null || this.#isSurplus(event)) return;
    this.#unwritten.push(event);
    if (this.#unwritten.length > MOST_UNWRITTEN) this.#drop(1);
    if (this.#timer === undefined) this.#writeSoon(PACE_MS);
  }

  /** @throws BrokerError `overloaded` or `history_unavailable`. */
  async read(query: HistoryQuery, format: HistoryFormat): Promise<HistoryPage> {
    if (this.#reads >= MOST_READS) throw new BrokerError('overloaded', `${MOST_READS} clients read the history already`, { retryAfterS: READ_RETRY_S });
    this.#reads += 1;
    try {
      const reply = this.#thread.ask({ type: 'read', query, format });
      if (!(await isWithin(READ_MS, reply))) throw unavailable('its disk is too slow');
      return this.#pageOf(await reply);
    } finally {
      this.#reads -= 1;
    }
  }

  /** Writes what is left, as far as that takes no more than 2 s, and closes the file. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await isWithin(STOP_MS, this.#writeAll().then(() => this.#thread.close()));
    await this.#thread.end();
  }

  /** Of the readings of the card one a minute is enough. */
  #isSurplus(event: BrokerEvent): boolean {
    if (event.type === 'request_finished' && event.kind === null) return this.#isOneTooMany(minuteOf(event));
    if (event.type !== 'sample') return false;
    const minute = minuteOf(event);
    const isSurplus = minute === this.#minute;
    this.#minute = minute;
    return isSurplus;
  }

  #isOneTooMany(minute: string): boolean {
    if (this.#failed.minute !== minute) this.#failed = { minute, count: 0 };
    this.#failed.count += 1;
    return this.#failed.count > MOST_FAILED;
  }

  #writeSoon(ms: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#writeAll(), ms).unref();
  }

  #writeAll(): Promise<void> {
    return (this.#writing ??= this.#writeBatches().finally(() => {
      this.#writing = null;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      if (this.#fault !== null) this.#writeSoon(RETRY_MS);
      else if (this.#unwritten.length > 0) this.#writeSoon(PACE_MS);
    }));
  }

  /** An empty batch tells whether the file can be used. */
  async #writeBatches(): Promise<void> {
    do {
      const batch = this.#unwritten.splice(0, BATCH);
      const reply = await this.#thread.ask({ type: 'write', events: batch });
      this.#heed(reply);
      if (!reply.ok) this.#putBack(batch);
    } while (this.#fault === null && this.#unwritten.length > 0);
  }

  #putBack(batch: readonly BrokerEvent[]): void {
    this.#unwritten = [...batch, ...this.#unwritten];
    this.#drop(Math.max(0, this.#unwritten.length - MOST_UNWRITTEN));
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#unwritten.splice(0, count);
    this.#dropped += count;
    if (this.#isDropTold) return;
    this.#isDropTold = true;
    this.#logger.warn('events are dropped from the history: more wait to be written than are kept', { most: MOST_UNWRITTEN });
  }

  #pageOf(reply: HistoryReply): HistoryPage {
    this.#sayIfSetAside(reply);
    if (reply.ok && reply.page !== null) return reply.page;
    throw unavailable(reply.ok ? 'there is no answer' : reply.reason);
  }

  #heed(reply: HistoryReply): void {
    this.#sayIfSetAside(reply);
    const before = this.#fault;
    this.#fault = reply.ok ? null : reply.reason;
    if (this.#fault === before) return;
    if (!reply.ok) {
      this.#logger.warn(`history: off: ${reply.reason}`, { file: this.file, error: reply.detail, retry_s: RETRY_MS / 1000 });
      return;
    }
    this.#isDropTold = false;
    this.#logger.info('history: on again', { file: this.file, dropped: this.#dropped });
  }

  #sayIfSetAside({ setAside }: HistoryReply): void {
    if (setAside === null) return;
    this.#logger.warn('the history was damaged: its file was put aside, and a new one begun', { file: this.file, set_aside: setAside });
  }
}

function unavailable(reason: string): BrokerError {
  return new BrokerError('historyUnavailable', `the history cannot be read: ${reason}`, { retryAfterS: READ_RETRY_S });
}
