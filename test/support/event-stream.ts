import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FakeDaemon } from './fake-daemon.ts';

/** A stream of events that a fake daemon serves, at the test's hands. */
export class FakeStream {
  /** `Last-Event-ID` of each time that it was asked for; null: none. */
  readonly asked: (string | null)[] = [];
  #open: ServerResponse | null = null;
  readonly #begin: string;
  #waiters: (() => void)[] = [];

  /** `begin`: what each stream begins with. */
  constructor(daemon: FakeDaemon, path: string, begin = '') {
    this.#begin = begin;
    daemon.replies.set(`GET ${path}`, (req, res) => {
      this.asked.push(typeof req.headers['last-event-id'] === 'string' ? req.headers['last-event-id'] : null);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(`: hello\n\n${this.#begin}`);
      this.#open = res;
      for (const tell of this.#waiters.splice(0)) tell();
    });
  }

  /** Resolves when it has been asked for so often. */
  async opened(times: number): Promise<void> {
    while (this.asked.length < times) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  send(type: string, data: unknown, id?: string): void {
    this.#open?.write(`event: ${type}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
  }

  /** Cuts the one that is open. Resolves when that is done. */
  async cut(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    const closed = once(open, 'close');
    open.destroy();
    await closed;
  }
}

/** The text of an event. */
export function eventText(type: string, data: unknown, id?: string): string {
  return `event: ${type}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
