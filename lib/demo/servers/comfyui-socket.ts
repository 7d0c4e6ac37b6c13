import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** The kinds of binary messages and of their images that are in use. */
const PREVIEW_IMAGE = 1;
const PNG = 2;
const PATHS = new Set(['/ws', '/api/ws']);

/** What the sockets ask the rest of the server. */
export interface SocketHost {
  readonly allows: (request: IncomingMessage) => boolean;
  /** What a new client is told: the queue, and where its own prompt is if one runs. */
  readonly remaining: () => number;
  readonly nodeOf: (clientId: string) => string | null;
}

/** ComfyUI's WebSocket clients, by clientId. */
export class ComfySockets {
  readonly #sockets = new Map<string, WebSocket>();
  readonly #hasTrap: boolean;

  /** `hasTrap`: a socket that closes takes out whoever has its clientId by then. */
  constructor(hasTrap: boolean) {
    this.#hasTrap = hasTrap;
  }

  /** Takes the upgrades of `server`. */
  attach(server: Server, host: SocketHost): void {
    const upgrades = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://comfyui');
      if (!host.allows(request)) return refuse(socket, '403 Forbidden');
      if (!PATHS.has(pathname)) return refuse(socket, '404 Not Found');
      upgrades.handleUpgrade(request, socket, head, (client) => this.#enter(client, searchParams.get('clientId') ?? '', host));
    });
  }

  /** Sends an event to a client, if it is there; null: to everybody. */
  send(type: string, data: unknown, to: string | null): void {
    const text = JSON.stringify({ type, data });
    for (const socket of this.#reached(to)) socket.send(text);
  }

  /** Sends a preview image as a binary message. `png` makes it if somebody is there. */
  preview(png: () => Buffer, to: string | null): void {
    const reached = this.#reached(to);
    if (reached.length === 0) return;
    const head = Buffer.alloc(8);
    head.writeUInt32BE(PREVIEW_IMAGE, 0);
    head.writeUInt32BE(PNG, 4);
    const frame = Buffer.concat([head, png()]);
    for (const socket of reached) socket.send(frame);
  }

  #enter(socket: WebSocket, wanted: string, host: SocketHost): void {
    const id = wanted === '' ? randomUUID().replaceAll('-', '') : wanted;
    this.#sockets.set(id, socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (this.#hasTrap || this.#sockets.get(id) === socket) this.#sockets.delete(id);
    });
    this.send('status', { ...queueStatus(host.remaining()), sid: id }, id);
    const node = host.nodeOf(id);
    if (node !== null) this.send('executing', { node }, id);
  }

  #reached(to: string | null): readonly WebSocket[] {
    if (to === null) return [...this.#sockets.values()];
    const socket = this.#sockets.get(to);
    return socket === undefined ? [] : [socket];
  }
}

/** The data of a `status` event. */
export function queueStatus(remaining: number): { readonly status: unknown } {
  return { status: { exec_info: { queue_remaining: remaining } } };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
