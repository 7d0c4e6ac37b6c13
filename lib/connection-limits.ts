import type { Socket } from 'node:net';
import type { Limits } from './config/types.gen.ts';
import { networkOf } from './core/network.ts';
import { isLoopback } from './core/peer.ts';

/** What a new connection may do: anything; ask for the health or the status of the broker and nothing else; or nothing. */
export type Standing = 'open' | 'reserved' | 'refused';

/** The bounds, of the newest configuration. */
export type ConnectionBounds = Pick<Limits, 'connections' | 'connections_per_peer'>;

/** Connections over `limits.connections` for those who look after us; a few monitors and a person. */
const RESERVE = 16;
/** Connections of those who may not connect and only get to read that: however many addresses they have, they leave the others their places. */
const STRANGERS = 32;
/** A client on a reserved connection has asked and read by then. ms */
const RESERVED_MS = 2000;

/** Counts the connections of clients at all our ports, WebSockets too, and says which of them are too many. */
export class ConnectionLimits {
  readonly #bounds: () => ConnectionBounds;
  readonly #isWelcome: (socket: Socket) => boolean;
  readonly #byPeer = new Map<string, number>();
  readonly #reserved = new WeakSet<Socket>();
  #open = 0;
  #strangers = 0;
  #reservedCount = 0;

  /** `isWelcome`: whether the other end of a socket may connect at all. */
  constructor(bounds: () => ConnectionBounds, isWelcome: (socket: Socket) => boolean) {
    this.#bounds = bounds;
    this.#isWelcome = isWelcome;
  }

  /** Connections that have not been refused. */
  get count(): number {
    return this.#open + this.#reservedCount;
  }

  /** Counts a new connection until it closes, unless it is refused. `hasReserve`: the health of the broker can be asked at its port. */
  admit(socket: Socket, hasReserve: boolean): Standing {
    const { connections, connections_per_peer: perPeer } = this.#bounds();
    const peer = countedAs(socket);
    if (peer !== null && (this.#byPeer.get(peer) ?? 0) >= perPeer) return 'refused';
    const isStranger = !this.#isWelcome(socket);
    if (isStranger && this.#strangers >= STRANGERS) return 'refused';
    if (this.#open < connections) return this.#keep(socket, peer, isStranger);
    if (isStranger || !hasReserve || this.#reservedCount >= RESERVE) return 'refused';
    return this.#reserve(socket);
  }

  /** Whether only the health and the status may be asked on a connection. */
  isReserved(socket: Socket): boolean {
    return this.#reserved.has(socket);
  }

  #keep(socket: Socket, peer: string | null, isStranger: boolean): Standing {
    this.#open += 1;
    if (isStranger) this.#strangers += 1;
    if (peer !== null) this.#count(peer, 1);
    socket.once('close', () => {
      this.#open -= 1;
      if (isStranger) this.#strangers -= 1;
      if (peer !== null) this.#count(peer, -1);
    });
    return 'open';
  }

  #reserve(socket: Socket): Standing {
    this.#reservedCount += 1;
    this.#reserved.add(socket);
    const timer = setTimeout(() => socket.destroy(), RESERVED_MS).unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#reservedCount -= 1;
    });
    return 'reserved';
  }

  #count(peer: string, change: 1 | -1): void {
    const count = (this.#byPeer.get(peer) ?? 0) + change;
    if (count === 0) this.#byPeer.delete(peer);
    else this.#byPeer.set(peer, count);
  }
}

/** Behind the loopback address are many programs, and behind a socket that has closed already nobody: null. */
function countedAs({ remoteAddress: address }: Socket): string | null {
  return address === undefined || isLoopback(address) ? null : networkOf(address);
}
