import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HistoryReply, HistorySettings, HistoryTask } from './messages.ts';

/** Far more than the largest page takes. MiB */
const MOST_HEAP_MIB = 256;

/** The thread that has the file, seen from outside: it is started when it is needed, and again if it has died. */
export class HistoryThread {
  #settings: HistorySettings;
  #worker: Worker | null = null;
  readonly #asked = new Map<number, (reply: HistoryReply) => void>();
  #lastId = 0;

  constructor(settings: HistorySettings) {
    this.#settings = settings;
  }

  get settings(): HistorySettings {
    return this.#settings;
  }

  set settings(settings: HistorySettings) {
    this.#settings = settings;
    if (this.#worker !== null) void this.ask({ type: 'settings', settings });
  }

  /** Resolves with the reply, also where the thread dies; never rejects. */
  ask(task: HistoryTask): Promise<HistoryReply> {
    const worker = (this.#worker ??= this.#start());
    return this.#send(worker, task);
  }

  /** Closes the file, if it is open. */
  async close(): Promise<void> {
    if (this.#worker !== null) await this.ask({ type: 'close' });
  }

  /** Ends the thread, whatever it does. */
  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL(`./thread${extname(import.meta.filename)}`, import.meta.url), { name: 'history', resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB } });
    worker.unref();
    worker.on('message', ({ id, reply }: { readonly id: number; readonly reply: HistoryReply }) => this.#settle(id, reply));
    worker.on('error', (error: unknown) => this.#lose(worker, String(error)));
    worker.on('exit', (code) => this.#lose(worker, `it ended with ${code}`));
    void this.#send(worker, { type: 'settings', settings: this.#settings });
    return worker;
  }

  #send(worker: Worker, task: HistoryTask): Promise<HistoryReply> {
    const id = (this.#lastId += 1);
    worker.postMessage({ id, task });
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }

  #settle(id: number, reply: HistoryReply): void {
    this.#asked.get(id)?.(reply);
    this.#asked.delete(id);
  }

  #lose(worker: Worker, detail: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const id of [...this.#asked.keys()]) this.#settle(id, { ok: false, reason: 'its thread has ended', detail, setAside: null });
  }
}
