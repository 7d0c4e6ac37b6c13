import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { FakeConnection } from './fake-connection.ts';
import { FakeResidency } from './fake-residency.ts';
import type { FakeMemory } from './fake-residency.ts';
import type { Script } from './fake-exchange.ts';
import type { RequestHead } from './request-head.ts';
import { RequestLog } from './request-log.ts';
import type { RecordedRequest } from './request-log.ts';

export type { FakeExchange, Script } from './fake-exchange.ts';
export type { FakeHealth, FakeHook, FakeMemory } from './fake-residency.ts';
export type { RecordedRequest } from './request-log.ts';

/** How a fake consumer starts. Memory in MiB. */
export interface FakeConsumerOptions {
  /** Default true. */
  readonly loaded?: boolean;
  /** Held on the card while loaded (default 0) … */
  readonly loadedMib?: number;
  /** … and after an unload (default 0). */
  readonly unloadedMib?: number;
  readonly memory?: FakeMemory;
  /** Idle connections are closed after so long, as Node, uvicorn and cpp-httplib do. Default 5000. */
  readonly keepAliveMs?: number;
  /** Default `GET /health`, `POST /load`, `POST /unload`. */
  readonly healthPath?: string;
  readonly loadPath?: string;
  readonly unloadPath?: string;
}

interface Route {
  readonly script: Script;
  readonly gpu: boolean;
}

/** A consumer whose every answer is scripted, on a real socket. Unknown paths get 404. */
export class FakeConsumer {
  /** Its health, load and unload, which a test may make lie. */
  readonly residency: FakeResidency;
  /** What went wrong in scripts or was wrong on the wire; a good test ends with none. */
  readonly errors: Error[] = [];
  /** Connections accepted so far. */
  connections = 0;
  readonly #log = new RequestLog();
  readonly #open = new Set<FakeConnection>();
  readonly #routes = new Map<string, Route>();
  readonly #keepAliveMs: number;
  #server: Server | null = null;
  #port = 0;

  private constructor(options: FakeConsumerOptions) {
    const { loadedMib = 0, unloadedMib = 0, keepAliveMs = 5000 } = options;
    this.residency = new FakeResidency({ loadedMib, unloadedMib }, options.memory);
    this.#keepAliveMs = keepAliveMs;
    this.on(`GET ${options.healthPath ?? '/health'}`, (exchange) => this.residency.answerHealth(exchange));
    this.on(`POST ${options.loadPath ?? '/load'}`, (exchange) => this.residency.answerHook(exchange, true), { gpu: false });
    this.on(`POST ${options.unloadPath ?? '/unload'}`, (exchange) => this.residency.answerHook(exchange, false), { gpu: false });
  }

  /** A consumer that listens on a free port of 127.0.0.1. */
  static async start(options: FakeConsumerOptions = {}): Promise<FakeConsumer> {
    const consumer = new FakeConsumer(options);
    consumer.residency.setLoaded(options.loaded ?? true);
    await consumer.listenAgain();
    return consumer;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** All requests in the order of their arrival, probes included. */
  get requests(): readonly RecordedRequest[] {
    return this.#log.requests;
  }

  /** The requests that are work on the GPU. */
  get jobs(): readonly RecordedRequest[] {
    return this.#log.requests.filter(({ gpu }) => gpu);
  }

  /** Jobs whose scripts run now. */
  get active(): number {
    return this.#log.active;
  }

  get peakActive(): number {
    return this.#log.peakActive;
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#open.size;
  }

  get loaded(): boolean {
    return this.residency.loaded;
  }

  /** Sets the script of `METHOD /path` (without the query; a final `*` matches any rest). POST counts as GPU work unless told otherwise. */
  on(route: string, script: Script, { gpu = route.startsWith('POST ') }: { readonly gpu?: boolean } = {}): this {
    this.#routes.set(route, { script, gpu });
    return this;
  }

  /** The first request, seen already or still to come, for which `wanted` holds; with a number that job, counted from 1.
   * Rejects after `limitMs`. */
  async waitFor(wanted: number | ((request: RecordedRequest) => boolean), limitMs?: number): Promise<RecordedRequest> {
    if (typeof wanted === 'function') return this.#log.waitFor(wanted, limitMs);
    return this.#log.waitFor((request) => request === this.jobs[wanted - 1], limitMs);
  }

  /** From now on connecting is refused; idle connections are closed, running requests go on. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
    for (const connection of this.#open) connection.closeIfIdle();
  }

  /** Listens again, on the same port. */
  async listenAgain(): Promise<void> {
    this.#server = createServer((socket) => this.#accept(socket)).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = portOf(this.#server);
  }

  /** Cuts every connection and stops listening. */
  async stop(): Promise<void> {
    this.refuse();
    const gone = [...this.#open].map((connection) => connection.cut());
    await Promise.all(gone);
    this.residency.setLoaded(false);
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    const connection = new FakeConnection(socket, {
      log: this.#log,
      keepAliveMs: this.#keepAliveMs,
      find: (head) => this.#find(head),
      report: (error) => this.errors.push(error),
    });
    this.#open.add(connection);
    void connection.serve().finally(() => this.#open.delete(connection));
  }

  #find({ method, path }: RequestHead): Route {
    const key = `${method} ${path.split('?', 1)[0]}`;
    const exact = this.#routes.get(key);
    if (exact !== undefined) return exact;
    for (const [route, found] of this.#routes) if (route.endsWith('*') && key.startsWith(route.slice(0, -1))) return found;
    return { script: (exchange) => exchange.json(404, { error: `no route for ${key}` }), gpu: false };
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (!isAddressInfo(address)) throw new Error(`expected a TCP address, got ${JSON.stringify(address)}`);
  return address.port;
}

function isAddressInfo(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}
