import type { Server } from 'node:http';
import type { Config } from './config/types.ts';
import { listenOn } from './listen.ts';
import type { Logger } from './logger.ts';
import { StartError } from './start-error.ts';

/** What they work with. */
export interface OwnPortsServices {
  readonly logger: Logger;
  /** A server that leads all requests to this consumer. */
  createServer(consumer: string): Server;
}

interface OwnPort {
  /** As configured. */
  readonly listen: string;
  /** The real HOST:PORT. */
  readonly address: string;
  readonly server: Server;
}

/** The ports at which the broker stands in for single consumers (`consumers.NAME.listen`). */
export class OwnPorts {
  readonly #services: OwnPortsServices;
  readonly #ports = new Map<string, OwnPort>();
  /** Also those that are closed and still have connections. */
  readonly #servers = new Set<Server>();
  /** The last reload; they follow each other. */
  #change: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(services: OwnPortsServices) {
    this.#services = services;
  }

  /**
   * Opens all.
   * @throws StartError if one of them cannot be opened.
   */
  async start(config: Config): Promise<void> {
    for (const [consumer, listen] of listensOf(config)) await this.#open(consumer, listen);
  }

  /**
   * Closes those that have gone and opens those that are new, in the order of the calls. What cannot be opened is logged, and tried
   * again the next time. Requests that run at a port that is closed end as they would. Never rejects.
   */
  async reload(config: Config): Promise<void> {
    this.#change = this.#change.then(() => this.#follow(config));
    return this.#change;
  }

  /** Where one listens, as HOST:PORT; null: nowhere. */
  addressOf(consumer: string): string | null {
    return this.#ports.get(consumer)?.address ?? null;
  }

  /** Ends everything at once. */
  close(): void {
    this.#isClosed = true;
    this.#ports.clear();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #follow(config: Config): Promise<void> {
    const wanted = listensOf(config);
    // First, as another consumer may have got its port.
    for (const [consumer, { listen, server }] of this.#ports) {
      if (wanted.get(consumer) === listen) continue;
      this.#ports.delete(consumer);
      retire(server);
    }
    for (const [consumer, listen] of wanted) {
      if (this.#ports.has(consumer) || this.#isClosed) continue;
      await this.#open(consumer, listen).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#services.logger.error('a port could not be opened; the next reload tries again', { consumer, reason });
      });
    }
  }

  async #open(consumer: string, listen: string): Promise<void> {
    const server = this.#services.createServer(consumer);
    try {
      const url = await listenOn(server, listen);
      this.#servers.add(server);
      server.once('close', () => this.#servers.delete(server));
      this.#ports.set(consumer, { listen, address: url.slice('http://'.length), server });
      this.#services.logger.info('listening for a consumer', { consumer, url });
    } catch (error) {
      if (error instanceof StartError) throw new StartError(`consumers.${consumer}.listen: ${error.message}`);
      throw error;
    }
    // The end may have come while the address was looked up.
    if (this.#isClosed) this.close();
  }
}

function listensOf({ consumers }: Config): Map<string, string> {
  return new Map([...consumers.values()].flatMap(({ name, listen }) => (listen === undefined ? [] : [[name, listen]])));
}

/** Takes no new connections; those that are open are closed when their exchanges have ended. */
function retire(server: Server): void {
  server.close();
  // 0 would mean for ever.
  server.keepAliveTimeout = 1;
}
