import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

/** A consumer that speaks WebSocket on every path, and is healthy. */
export class WsConsumer {
  /** The upgrades as they came in. */
  readonly upgrades: IncomingMessage[] = [];
  /** Its ends of the WebSockets, in the order of their opening. */
  readonly sockets: WebSocket[] = [];
  readonly #server: Server;
  readonly #socketServer: WebSocketServer;

  private constructor() {
    this.#server = createServer((_req, res) => res.end('{}'));
    this.#socketServer = new WebSocketServer({ server: this.#server, handleProtocols: (offered) => [...offered].at(-1) ?? false });
    this.#socketServer.on('connection', (socket, request) => {
      socket.on('error', () => undefined);
      this.upgrades.push(request);
      this.sockets.push(socket);
    });
  }

  /** A consumer that listens on a free port of 127.0.0.1. */
  static async start(): Promise<WsConsumer> {
    const consumer = new WsConsumer();
    consumer.#server.listen(0, '127.0.0.1');
    await once(consumer.#server, 'listening');
    return consumer;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Resolves with its end of the next WebSocket. */
  async next(): Promise<WebSocket> {
    await once(this.#socketServer, 'connection');
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no WebSocket');
    return socket;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }
}

/** The close of a WebSocket: its code. */
export async function closeCode(socket: WebSocket): Promise<number> {
  if (socket.readyState === WebSocket.CLOSED) throw new Error('it is closed already');
  return new Promise((resolve) => socket.once('close', (code: number) => resolve(code)));
}

/** The next message of a WebSocket. */
export async function nextMessage(socket: WebSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer) => resolve(data)).once('error', reject);
  });
}
