import http from 'node:http';
import type { IncomingMessage, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuse } from './bare-refusal.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { BrokerError } from './errors.ts';
import type { Logger } from './logger.ts';

/** What a server needs to refuse connections. */
export interface BrokerServerServices {
  readonly connections: ConnectionLimits;
  readonly logger: Logger;
}

/** After so long the end of some request or other has freed a connection. s */
const OVERLOADED_RETRY_S = 1;
/** A process without file descriptors fails to accept again and again; that is one fact. ms */
const LOG_PAUSE_MS = 10_000;

/** Refuses connections that are too many before anything of them is read, and closes also those that have changed their protocol. */
export class BrokerServer extends http.Server {
  readonly #upgraded = new Set<Duplex>();

  /** `hasReserve`: the health and the status of the broker are served here. */
  constructor(options: ServerOptions & { readonly hasReserve: boolean }, { connections, logger }: BrokerServerServices) {
    super(options);
    const parsers = this.listeners('connection').filter(isListener);
    this.removeAllListeners('connection').on('connection', (socket: Socket) => {
      if (connections.admit(socket, options.hasReserve) === 'refused') refuse(socket, overloaded());
      else for (const parse of parsers) parse.call(this, socket);
    });
    this.on('upgrade', (_req: IncomingMessage, socket: Duplex) => {
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
    });
    this.#outliveFailures(logger);
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
  }

  /** Without a listener an error while accepting would end the process. One before it listens is told to who started it. */
  #outliveFailures(logger: Logger): void {
    let loggedAt = Number.NEGATIVE_INFINITY;
    this.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.listening || performance.now() - loggedAt < LOG_PAUSE_MS) return;
      loggedAt = performance.now();
      logger.error('connections cannot be accepted', { reason: error.code ?? String(error) });
    });
  }
}

/** The refusal of a connection that is too many. */
export function overloaded(): BrokerError {
  const message = 'too many connections are open (limits.connections, limits.connections_per_peer)';
  return new BrokerError('overloaded', message, { retryAfterS: OVERLOADED_RETRY_S });
}

/** Node's types know of its listeners only that they are functions. */
function isListener(value: unknown): value is (socket: Socket) => void {
  return typeof value === 'function';
}
