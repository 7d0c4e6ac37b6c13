import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Response } from 'express';
import { dashboard } from '../../lib/api/dashboard.ts';
import { until } from './until.ts';

/** What was asked of it to do. */
export interface Order {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
}

/** Says to a page what a broker would say, word for word as a test writes it: whatever a real one would take hours to come by. The page itself is the real one. */
export class FakeWatched {
  /** Bodies of `/v1/status` and `/v1/queue`, and what a snapshot says beside them. */
  status: object = {};
  queue: Record<string, unknown> = { running: [], waiting: [], waiting_total: 0, paused: null };
  boot = 'first';
  events: Record<string, unknown>[] = [];
  /** null: it keeps none. */
  history: readonly Record<string, unknown>[] | null = null;
  /** Only this key may have something done or read the log; null: nobody may. */
  adminKey: string | null = null;
  readonly orders: Order[] = [];
  /** `Last-Event-ID` of each that came to watch. */
  readonly arrivals: (string | null)[] = [];
  readonly #watchers = new Set<Response>();
  readonly #readers = new Set<Response>();
  #server: Server | null = null;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; again at the port that it had. */
  async start(): Promise<void> {
    this.#server = this.#app().listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    await new Promise((resolve) => server === null ? resolve(null) : server.close(resolve));
    this.#watchers.clear();
    this.#readers.clear();
  }

  /** Tells all who watch. An event has the next id. */
  tell(event: Readonly<Record<string, unknown>> & { readonly type: string }): void {
    const told = { id: this.events.length + 1, time: new Date().toISOString(), ...event };
    this.events.push(told);
    for (const watcher of this.#watchers) this.#write(watcher, { type: told.type, data: told });
  }

  /** Begins all streams anew, as after an overflow of its log. */
  reset(): void {
    for (const watcher of this.#watchers) this.#begin(watcher, true);
  }

  /** Writes to all who follow the log. */
  log(line: Readonly<Record<string, unknown>>): void {
    const json = JSON.stringify({ time: new Date().toISOString(), level: 'info', ...line });
    for (const reader of this.#readers) reader.write(`event: line\ndata: ${json}\n\n`);
  }

  /** Resolves when somebody watches. */
  async watched(): Promise<void> {
    await until(() => this.#watchers.size > 0);
  }

  #app(): ReturnType<typeof express> {
    const app = express();
    app.disable('etag');
    app.all(/^\/ui(?:\/|$)/, dashboard());
    app.get('/v1/status', (_req, res) => void res.json(this.status));
    app.get('/v1/queue', (_req, res) => void res.json(this.queue));
    app.get('/v1/history', (_req, res) => {
      if (this.history === null) res.status(404).json({ error: 'history_off', message: 'no history is kept' });
      else res.json({ rows: this.history, next: null });
    });
    app.get('/v1/events', (req, res) => this.#admit(res, req.headers['last-event-id']));
    app.use((req, res, next) => {
      const key = req.headers.authorization?.replace('Bearer ', '') ?? null;
      if (req.path !== '/v1/logs') this.orders.push({ method: req.method, path: req.path, key });
      if (key !== null && key === this.adminKey) return next();
      res.status(401).json({ error: 'unauthorized', message: 'this needs the scope admin: send a key that has it' });
    });
    app.get('/v1/logs', (_req, res) => {
      this.#readers.add(eventStream(res));
    });
    app.use((_req, res) => void res.json({}));
    return app;
  }

  #admit(res: Response, lastId: string | string[] | undefined): void {
    this.arrivals.push(typeof lastId === 'string' ? lastId : null);
    eventStream(res);
    this.#begin(res, lastId !== undefined);
    this.#watchers.add(res);
    res.once('close', () => this.#watchers.delete(res));
  }

  #begin(watcher: Response, isAgain: boolean): void {
    if (isAgain) this.#write(watcher, { type: 'reset', data: {} });
    const { boot, status, queue, events } = this;
    this.#write(watcher, { type: 'snapshot', data: { schema_version: 1, boot, last_id: events.length, status, queue, events } });
  }

  #write(watcher: Response, { type, data }: { readonly type: string; readonly data: unknown }): void {
    watcher.write(`event: ${type}\nid: ${this.boot}-${this.events.length}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}

function eventStream(res: Response): Response {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  res.write(': hello\n\n');
  return res;
}
